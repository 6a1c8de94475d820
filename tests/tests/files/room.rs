//! Room: a quota holds however many write at once, and a disk that is full costs one upload and no other.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::json;
use socketserver_handlers::files::Algorithm::Blake3;
use socketserver_tests::files::{Place, QUOTA, Speaker, bytes, word};
use socketserver_tests::{Case, eventually};

socketserver_tests::matrix! {
    events: a_quota_is_kept_to_by_files_and_folders;
    events concurrent: a_quota_is_kept_to_by_many_at_once;
    events reactor: a_full_disk_costs_one_upload_and_no_other;
}

const BLOCK: usize = 4096;
const BLOCKS: usize = QUOTA as usize / BLOCK;

fn put(speaker: &mut Speaker, name: &str, blocks: usize) -> String {
    let body = bytes(1, blocks * BLOCK);
    let header = json!({"cmd": "put", "filename": name, "size": body.len()});
    word(&speaker.ask_with(header, &body)).to_owned()
}

fn a_quota_is_kept_to_by_files_and_folders(case: &Case) {
    let place = Place::default();
    let server = place.serve(case);
    let mut joe = Speaker::logged_in(&server, "joe");
    // What is too much is refused before any byte travels.
    let refused = joe.open("a", (BLOCKS + 1) * BLOCK);
    assert_eq!((word(&refused), &refused["code"]), ("quota", &json!(507)));
    assert_eq!(put(&mut joe, "a", BLOCKS + 1), "quota");
    assert_eq!(put(&mut joe, "a", BLOCKS), "ok");
    // What replaces a file may take its room.
    assert_eq!(put(&mut joe, "a", BLOCKS), "ok");
    for header in [
        json!({"cmd": "mkdir b"}),
        json!({"verb": "mkdir", "path": "b"}),
    ] {
        assert_eq!(joe.word(header), "quota");
    }
    // What is there already is no matter of room, and neither is what lies nowhere.
    assert_eq!(joe.word(json!({"cmd": "mkdir a"})), "exists");
    assert_eq!(joe.word(json!({"cmd": "mkdir b/c"})), "not_found");
    assert_eq!(put(&mut joe, "empty", 0), "quota");
    assert_eq!(joe.word(json!({"cmd": "rm a"})), "ok");
    for number in 0..BLOCKS {
        assert_eq!(
            joe.word(json!({"verb": "mkdir", "path": format!("f{number}")})),
            "ok"
        );
    }
    assert_eq!(joe.word(json!({"cmd": "mkdir f0/g"})), "quota");
    assert_eq!(joe.word(json!({"cmd": "rm f1"})), "ok");
    assert_eq!(joe.word(json!({"cmd": "mkdir f0/g"})), "ok");
    assert_eq!(used(&place), QUOTA);
    // An announced file counts at once.
    assert_eq!(joe.word(json!({"cmd": "rm f2"})), "ok");
    assert_eq!(word(&joe.open("x", BLOCK)), "ok");
    assert_eq!(joe.word(json!({"cmd": "mkdir f2"})), "quota");
    drop(joe);
    server.stop();
}

/// What everybody sees in joe's home, in bytes of whole blocks.
fn used(place: &Place) -> u64 {
    fn sum(folder: &Path) -> u64 {
        let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
        let visible = entries.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
        let sizes = visible.map(|entry| match entry.metadata().unwrap() {
            metadata if metadata.is_dir() => BLOCK as u64 + sum(&entry.path()),
            metadata => metadata
                .len()
                .next_multiple_of(BLOCK as u64)
                .max(BLOCK as u64),
        });
        sizes.sum()
    }
    sum(&place.root("joe"))
}

fn a_quota_is_kept_to_by_many_at_once(case: &Case) {
    let place = Place::default();
    let server = place.serve(case);
    let outcomes: Vec<String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|number| {
                let server = &server;
                scope.spawn(move || {
                    let mut joe = Speaker::logged_in(server, "joe");
                    let names = (0..3).map(|file| format!("{number}-{file}"));
                    let files = names.map(|name| {
                        if name.ends_with('2') {
                            joe.word(json!({"verb": "mkdir", "path": name}))
                        } else {
                            put(&mut joe, &name, 2)
                        }
                    });
                    files.collect::<Vec<_>>()
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    // They would be 20 blocks in all.
    assert!(
        outcomes.iter().all(|word| word == "ok" || word == "quota"),
        "{outcomes:?}"
    );
    assert!(used(&place) <= QUOTA, "{} bytes", used(&place));
    assert!(
        used(&place) > QUOTA - 2 * BLOCK as u64,
        "{} bytes, {outcomes:?}",
        used(&place)
    );
    server.stop();
}

/// A small disk; none where mounting is not allowed.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(at);
        let status = mount.stderr(Stdio::null()).status();
        if status.is_ok_and(|status| status.success()) {
            return Some(Self(at.to_owned()));
        }
        println!("passed over: mounting is not allowed here");
        None
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn a_full_disk_costs_one_upload_and_no_other(case: &Case) {
    let place = Place::default();
    let Some(_disk) = Disk::mount(&place.root("")) else {
        return;
    };
    let server = place.serve_to_all(case);
    let (mut first, mut second) = (Speaker::connect(&server), Speaker::connect(&server));
    assert_eq!(word(&first.open("large", 2 << 20)), "no_space");
    let header = json!({"cmd": "put large", "size": 2 << 20});
    assert_eq!(first.word(header), "no_space");
    first.expect_end();
    drop(first);
    assert!(place.names("").is_empty());

    // Each has room, and both have not.
    let mut first = Speaker::connect(&server);
    let whole = bytes(1, 600 << 10);
    let opened = [
        first.open("first", whole.len()),
        second.open("second", whole.len()),
    ];
    assert_eq!(word(&first.data(&opened[0], 0, &whole[..500 << 10])), "ok");
    let refused = second.data(&opened[1], 0, &whole);
    assert_eq!(
        (word(&refused), &refused["code"]),
        ("no_space", &json!(507))
    );
    assert_eq!(
        second.word(json!({"verb": "stat", "path": "second"})),
        "not_found"
    );
    // Its room is taken by what has come. It would be kept, but is given back here.
    assert_eq!(put(&mut second, "second", 0), "ok");
    assert_eq!(
        word(&first.data(&opened[0], 500 << 10, &whole[500 << 10..])),
        "ok"
    );
    assert_eq!(word(&first.commit(&opened[0], Blake3.hash(&whole))), "ok");
    assert!(fs::read(place.root("first")).unwrap() == whole);

    // What has come before a disk is full is kept, and goes on when there is room again.
    let opened = second.open("third", 400 << 10);
    assert_eq!(word(&opened), "ok");
    fs::write(place.root("ballast"), vec![1; 300 << 10]).unwrap();
    assert_eq!(
        word(&second.data(&opened, 0, &whole[..400 << 10])),
        "no_space"
    );
    fs::remove_file(place.root("ballast")).unwrap();
    let opened = eventually("the part to be free", || {
        let reply = second.open("third", 400 << 10);
        (word(&reply) == "ok").then_some(reply)
    });
    let held = usize::try_from(opened["offset"].as_u64().unwrap()).unwrap();
    assert_eq!(opened["hash"], Blake3.hash(&whole[..held]).to_string());
    assert_eq!(
        word(&second.data(&opened, held, &whole[held..400 << 10])),
        "ok"
    );
    assert_eq!(
        word(&second.commit(&opened, Blake3.hash(&whole[..400 << 10]))),
        "ok"
    );
    drop((first, second));
    server.stop();
}
