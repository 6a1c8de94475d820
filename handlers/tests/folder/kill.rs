//! A process that is killed at any moment leaves the old file or the new one, and what it has acknowledged is there.

use std::fs;
use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use socketserver_handlers::files::storage::{Commit, Storage};

use crate::helpers::{Place, announce, childs_storage, path, put, start_child};

/// The sizes of the two versions take several writes, and are not the same.
const SIZES: [usize; 2] = [300_000, 200_001];

#[test]
fn whoever_is_killed_leaves_the_old_file_or_the_new_one() {
    kill(40);
}

#[test]
#[ignore = "a long run: see CONTRIBUTING.md"]
fn whoever_is_killed_a_thousand_times_leaves_the_old_file_or_the_new_one() {
    kill(1000);
}

fn kill(times: usize) {
    let place = Place::new();
    let mut random = fastrand::Rng::with_seed(9);
    let (mut parts, mut generations) = (0, 0);
    let mut last = 0;
    for _ in 0..times {
        let mut child = start_child("kill::child_uploads_until_it_is_killed", &place.root(""));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for _ in 0..random.usize(1..4) {
            last = lines.by_ref().find_map(acknowledged).unwrap();
        }
        let moment = Instant::now() + Duration::from_micros(random.u64(0..10_000));
        while Instant::now() < moment {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it has said before it died is as true as the rest.
        last = lines.filter_map(acknowledged).last().unwrap_or(last);
        let generation = read_generation(&place);
        assert!(generation >= last, "{generation} is older than {last}");
        generations += generation - last;
        parts += place.parts().len();
        let upload = place.storage.upload(&path("a"), &announce(SIZES[0]));
        assert!(
            upload.is_ok(),
            "the dead keep others from writing: {upload:?}"
        );
    }
    println!("{times} kills left {parts} parts, and {generations} files that nobody had heard of");
    assert!(parts > 0, "nobody was ever killed while he wrote");
    put(&place.storage, "a", b"free").unwrap();
}

fn acknowledged(line: std::io::Result<String>) -> Option<u64> {
    let line = line.ok()?;
    // The last line may be cut off by the kill, and is then no acknowledgement.
    line.split_once("committed ")?
        .1
        .strip_suffix('.')?
        .parse()
        .ok()
}

fn version(generation: u64) -> Vec<u8> {
    let size = SIZES[generation as usize % 2];
    let numbers = (0..).flat_map(|index: u64| (generation << 32 | index).to_le_bytes());
    numbers.take(size).collect()
}

/// Which version the file is, which has to be one as a whole.
fn read_generation(place: &Place) -> u64 {
    let bytes = fs::read(place.root("a")).unwrap();
    let first = bytes.first_chunk().expect("a version is not empty");
    let generation = u64::from_le_bytes(*first) >> 32;
    assert!(bytes == version(generation), "a mixture");
    generation
}

#[test]
#[ignore = "the other process of a test"]
fn child_uploads_until_it_is_killed() {
    let Some(storage) = childs_storage() else {
        return;
    };
    let place = storage.open(&path("a")).ok().map(|mut source| {
        let mut first = [0; 8];
        std::io::Read::read_exact(&mut source.file, &mut first).unwrap();
        u64::from_le_bytes(first) >> 32
    });
    for generation in place.map_or(1, |last| last + 1).. {
        let bytes = version(generation);
        let mut upload = storage.upload(&path("a"), &announce(bytes.len())).unwrap();
        // What is held is of this version or of the one before, and a server would compare hashes.
        let held = crate::helpers::held(&*upload);
        if !bytes.starts_with(&held) {
            upload.restart().unwrap();
        }
        let rest = &bytes[upload.held() as usize..];
        for piece in rest.chunks(50_000) {
            upload.append(&[piece.to_vec()]).unwrap();
        }
        upload.commit(&Commit::default()).unwrap();
        println!("committed {generation}.");
    }
}
