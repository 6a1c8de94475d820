//! Configurations as people write them.

#![no_main]

use std::fmt::Write;
use std::sync::LazyLock;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};
use socketserver::Config;
use socketserver_fuzz::json::Tree;
use socketserver_fuzz::oracle::assert_sentence;

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Settings(Vec<(Key, Setting)>),
    Text(&'a str),
}

#[derive(Arbitrary, Debug)]
enum Key {
    Known(u8),
    Any(String),
}

#[derive(Arbitrary, Debug)]
enum Setting {
    /// Numbers and units, as in times and sizes.
    Measures(Vec<(Number, u8)>),
    Mode(u8, Number),
    Number(u32),
    Any(Tree),
}

#[derive(Arbitrary, Debug)]
enum Number {
    Small(u8),
    Large(u64),
    Fraction(f32),
}

static KEYS: LazyLock<Vec<String>> = LazyLock::new(|| Config::keys().into_iter().collect());
const UNITS: [&str; 14] = [
    "s", "ms", "us", "ns", "min", "h", "days", "years", "B", "KiB", "MB", "EiB", " ", "",
];
const MODES: [&str; 6] = ["serial", "threads", "pool", "reactor", "wait", "refuse"];

fuzz_target!(|input: Input<'_>| {
    let text = match input {
        Input::Text(text) => text.to_owned(),
        Input::Settings(settings) => settings
            .iter()
            .map(|(key, setting)| (key.text(), setting.value()))
            .collect::<Map<_, _>>()
            .into_iter()
            .collect::<Value>()
            .to_string(),
    };
    match Config::from_json(&text) {
        Ok(config) => {
            let written = serde_json::to_string(&config).expect("a configuration is JSON");
            match Config::from_json(&written) {
                Ok(read) => assert_eq!(read, config, "written {written}"),
                Err(error) => panic!("{error}, although it was read from {text}"),
            }
            let _ = (config.memory_bytes_max(), config.stack_bytes_max());
        }
        Err(error) => assert_sentence(&error.to_string()),
    }
});

impl Key {
    fn text(&self) -> String {
        match self {
            Self::Known(number) => KEYS[usize::from(*number) % KEYS.len()].clone(),
            Self::Any(text) => text.clone(),
        }
    }
}

impl Setting {
    fn value(&self) -> Value {
        match self {
            Self::Measures(measures) => {
                let mut text = String::new();
                for (number, unit) in measures {
                    let unit = UNITS[usize::from(*unit) % UNITS.len()];
                    let _ = write!(text, "{}{unit}", number.text());
                }
                text.into()
            }
            Self::Mode(mode, number) => {
                let word = MODES[usize::from(*mode) % MODES.len()];
                match mode & 0x80 {
                    0 => word.into(),
                    _ => format!("{word}:{}", number.text()).into(),
                }
            }
            Self::Number(number) => (*number).into(),
            Self::Any(tree) => tree.value(),
        }
    }
}

impl Number {
    fn text(&self) -> String {
        match self {
            Self::Small(number) => number.to_string(),
            Self::Large(number) => number.to_string(),
            Self::Fraction(number) => number.to_string(),
        }
    }
}
