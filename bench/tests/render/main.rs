//! Every form of a report, drawn from reports that have everything, nothing, or something hostile in them.

mod synthetic;
mod xml;

use socketserver_bench::render::{Style, csv, html, markdown, picture, text};
use socketserver_bench::report::Report;

fn all() -> [(&'static str, Report); 9] {
    [
        ("large", synthetic::large()),
        ("single", synthetic::single()),
        ("smallest", synthetic::smallest()),
        ("empty", synthetic::empty()),
        ("open", synthetic::open_loop()),
        ("rates", synthetic::rates()),
        ("datagrams", synthetic::datagrams()),
        ("chat", synthetic::chat()),
        ("hostile", synthetic::hostile()),
    ]
}

#[test]
fn pages_and_pictures_are_well_formed() {
    for (name, report) in all() {
        for verdict in [synthetic::verdict(), Vec::new()] {
            assert_eq!(
                xml::fault(&html(&report, &verdict)),
                None,
                "the page of {name}"
            );
            assert_eq!(
                xml::fault(&picture(&report, &verdict)),
                None,
                "the picture of {name}"
            );
        }
    }
}

#[test]
fn a_page_runs_nothing_and_fetches_nothing() {
    for (name, report) in all() {
        let page = html(&report, &synthetic::verdict()) + &picture(&report, &synthetic::verdict());
        for foreign in [
            "<script",
            "src=",
            "@import",
            "url(",
            "<link",
            "<iframe",
            "javascript:",
        ] {
            assert!(!page.contains(foreign), "{foreign} in {name}");
        }
        let addresses = page.matches("://").count();
        let known = page.matches("http://www.w3.org/").count();
        assert_eq!(addresses, known, "{name} names an address");
    }
}

#[test]
fn the_page_carries_the_data() {
    for (name, report) in all() {
        let page = html(&report, &[]);
        let (_, data) = page
            .split_once("class=\"data\">")
            .expect("there is a block of data");
        let (data, _) = data.split_once("</pre>").expect("it has an end");
        let entities = [
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&quot;", "\""),
            ("&#39;", "'"),
            ("&amp;", "&"),
        ];
        let data = entities
            .iter()
            .fold(data.to_owned(), |data, (entity, letter)| {
                data.replace(entity, letter)
            });
        let read: Report = serde_json::from_str(&data).expect("it is JSON");
        assert!(read == report, "the data of {name} has changed");
    }
}

#[test]
fn a_terminal_gets_no_codes_and_no_line_is_too_long() {
    for (name, report) in all() {
        for width in [0, 60, 80, 100, 140, 200] {
            let style = Style {
                width,
                colour: false,
            };
            let text = text(&report, &synthetic::verdict(), style);
            assert!(
                !text.contains(|letter: char| letter.is_control() && letter != '\n'),
                "{name}"
            );
            for line in text.lines() {
                let length = line.chars().count();
                assert!(
                    length <= width.max(40),
                    "{name} at {width}: {length} letters in {line:?}"
                );
            }
        }
    }
}

#[test]
fn colours_are_used_when_they_are_wanted() {
    let style = Style {
        colour: true,
        ..Style::default()
    };
    let coloured = text(&synthetic::large(), &synthetic::verdict(), style);
    let plain = text(&synthetic::large(), &synthetic::verdict(), Style::default());
    let mut stripped = coloured.clone();
    for code in ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[33m"] {
        stripped = stripped.replace(code, "");
    }
    assert_ne!(coloured, plain);
    assert_eq!(stripped, plain);
}

#[test]
fn reservations_stand_beside_the_figures_in_every_form() {
    let (report, verdict) = (synthetic::large(), synthetic::verdict());
    let text = text(
        &report,
        &verdict,
        Style {
            width: 1000,
            colour: false,
        },
    );
    let forms = [
        text,
        markdown(&report, &verdict).replace('\\', ""),
        html(&report, &verdict),
    ];
    for form in forms {
        for sentence in [
            "999 of 1,000 connections were never served; percentiles would mislead and are left out",
            "the load generator was the bottleneck in 3 of 6 rounds",
            "errors in 1 of 6 rounds: 3 connect, 12 reset; the first: connection reset by peer",
            "nothing was answered: the server did not listen within 10 s",
            "what the server spent could not be seen",
            "System calls of foreign servers are not counted",
            "Noise between two runs",
        ] {
            assert!(form.contains(sentence), "{sentence:?} is not in {form}");
        }
    }
}

#[test]
fn what_became_of_datagrams_is_in_every_form() {
    let report = synthetic::datagrams();
    let verdict = report.verdict().sentences();
    let style = Style {
        width: 1000,
        colour: false,
    };
    let kept = [
        markdown(&report, &verdict).replace('\\', ""),
        html(&report, &verdict).replace("&#39;", "'"),
    ];
    for form in &kept {
        let how = "without an answer within 1 s is lost";
        assert!(form.contains(how), "{how:?} is not in {form}");
    }
    for form in kept.into_iter().chain([text(&report, &verdict, style)]) {
        for part in [
            "1.20 %",
            "of 60,000 datagrams sent in all rounds: 240 lost (0.400 %), 12 reordered, 6 of the lost found no room with the load generator",
            "'threads, blocking' 0.4 % with 1 connection",
            "a server that drops is not faster",
        ] {
            assert!(form.contains(part), "{part:?} is not in {form}");
        }
    }
    let csv = csv(&report);
    let rows = rows(&csv);
    let column = |name: &str| rows[0].iter().position(|heading| heading == name);
    let lost = column("lost_datagrams").expect("there is a column");
    let percent = column("loss_percent").expect("there is a column");
    assert!(
        rows.iter()
            .any(|row| row[lost] == "120" && row[percent] == "1.2")
    );
}

#[test]
fn a_chat_is_told_by_its_deliveries_in_every_form() {
    let report = synthetic::chat();
    let verdict = report.verdict().sentences();
    let style = Style::default();
    let cut = ["of 3 members that never read it cut 3", "it cut 0 to 2"];
    let (text, markdown, page) = (
        text(&report, &verdict, style),
        markdown(&report, &verdict),
        html(&report, &verdict),
    );
    for form in [&text, &markdown, &page] {
        let form = form.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in cut.into_iter().chain(["1 of the members speaks"]) {
            assert!(form.contains(words), "{words} is missing in {form}");
        }
        assert!(!form.contains("messages served"), "{form}");
    }
    assert!(text.contains("deliveries served in a second"), "{text}");
    assert!(markdown.contains("| deliveries/s |"), "{markdown}");
    assert!(page.contains("deliveries per second"));
    let table = csv(&report);
    let column = |name: &str| {
        let mut heads = table.lines().next().unwrap_or_default().split(',');
        heads
            .position(|head| head == name)
            .expect("there is a column")
    };
    let first: Vec<_> = table
        .lines()
        .nth(1)
        .unwrap_or_default()
        .split(',')
        .collect();
    assert_eq!(first[column("chat_messages")], "1000");
    assert_eq!(first[column("stuck_members_cut")], "3");
    let per_second: f64 = first[column("served_per_cpu_second")]
        .parse()
        .expect("it is a number");
    assert!(per_second > 1000.0, "{per_second}");
}

#[test]
fn a_report_of_nothing_says_so() {
    let report = synthetic::empty();
    for form in [
        text(&report, &[], Style::default()),
        markdown(&report, &[]),
        html(&report, &[]),
    ] {
        assert!(form.contains("Nothing was measured"), "{form}");
        assert!(form.contains("interrupted"), "{form}");
    }
    assert!(picture(&report, &[]).contains("Nothing was measured"));
    assert_eq!(csv(&report).lines().count(), 1);
}

#[test]
fn tables_of_values_are_rectangular() {
    for (name, report) in all() {
        let csv = csv(&report);
        let rows = rows(&csv);
        assert_eq!(rows.len(), report.runs.len() + 1, "{name}");
        assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{name}");
    }
}

#[test]
fn tables_in_markdown_are_rectangular() {
    for (name, report) in all() {
        let markdown = markdown(&report, &synthetic::verdict());
        let bars = |line: &str| line.replace("\\|", "").matches('|').count();
        let table: Vec<_> = markdown
            .lines()
            .filter(|line| line.starts_with('|'))
            .collect();
        assert!(
            table.iter().all(|line| bars(line) == bars(table[0])),
            "{name}"
        );
    }
}

/// Reads comma-separated values as RFC 4180 has them.
fn rows(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut is_quoted = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if is_quoted && letters.peek() == Some(&'"') => field.extend(letters.next()),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => row.push(std::mem::take(&mut field)),
            '\r' if !is_quoted => {}
            '\n' if !is_quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            _ => field.push(letter),
        }
    }
    rows
}

/// Writes everything into a directory, for eyes and for other programs:
/// `cargo test -p socketserver-bench --test render -- --ignored to_look_at`
#[test]
#[ignore = "writes files, for people to look at"]
fn files_to_look_at() {
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("render");
    std::fs::create_dir_all(&directory).expect("the directory can be made");
    for (name, report) in all() {
        let verdict = synthetic::verdict();
        let forms = [
            ("html", html(&report, &verdict)),
            ("svg", picture(&report, &verdict)),
            ("md", markdown(&report, &verdict)),
            ("csv", csv(&report)),
            ("txt", text(&report, &verdict, Style::default())),
        ];
        for (form, content) in forms {
            std::fs::write(directory.join(format!("{name}.{form}")), content)
                .expect("the file can be written");
        }
    }
    println!("{}", directory.display());
}
