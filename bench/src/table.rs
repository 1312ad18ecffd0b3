//! The table that is printed.

use std::fmt;

use crate::goals::{Better, Goal};

pub struct Row {
    pub goal: &'static Goal,
    pub what: String,
    pub on: &'static str,
    pub measured: Result<Measured, String>,
}

pub struct Measured {
    /// One value for each round, in order of size.
    values: Vec<f64>,
    /// How big things were: not for comparing.
    scale: String,
}

impl Measured {
    /// `values` must not be empty.
    pub fn new(mut values: Vec<f64>, scale: String) -> Self {
        values.sort_by(f64::total_cmp);
        Self { values, scale }
    }

    pub fn median(&self) -> f64 {
        self.values[self.values.len() / 2]
    }
}

impl Goal {
    fn met(&self, value: f64) -> &'static str {
        let reaches = |bar: f64| match self.better {
            Better::Less => value <= bar,
            Better::More => value >= bar,
        };
        match (reaches(self.now), reaches(self.aim)) {
            (_, true) => "aim",
            (true, false) => "now",
            (false, false) => "no",
        }
    }

    fn bar(&self, bar: f64) -> String {
        let sign = match self.better {
            Better::Less => '≤',
            Better::More => '≥',
        };
        format!("{sign} {}{}", Number(bar), self.unit)
    }
}

/// With as many digits as say something.
struct Number(f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            whole if whole.fract().abs() < 1e-9 => write!(f, "{whole:.0}"),
            large if large >= 100.0 => write!(f, "{large:.0}"),
            medium if medium >= 10.0 => write!(f, "{medium:.1}"),
            small if small < 0.1 => write!(f, "{small:.3}"),
            ratio => write!(f, "{ratio:.2}"),
        }
    }
}

impl Row {
    fn cells(&self) -> [String; 8] {
        let Goal { name, now, aim, unit, .. } = self.goal;
        let [median, range, met, scale] = match &self.measured {
            Ok(measured) => {
                let (min, max) = (measured.values[0], measured.values[measured.values.len() - 1]);
                [
                    format!("{}{unit}", Number(measured.median())),
                    format!("{}–{}", Number(min), Number(max)),
                    self.goal.met(measured.median()).to_owned(),
                    measured.scale.clone(),
                ]
            }
            Err(why) => ["–".into(), String::new(), "not measured".into(), why.clone()],
        };
        let what = if self.on.is_empty() { self.what.clone() } else { format!("{} ({})", self.what, self.on) };
        [(*name).to_owned(), what, self.goal.bar(*now), self.goal.bar(*aim), median, range, met, scale]
    }
}

const HEAD: [&str; 8] = ["goal", "what", "now", "aim", "median", "min–max", "met", "for scale"];

/// In Markdown, its columns aligned.
pub fn print(rows: &[Row]) {
    let cells: Vec<_> = rows.iter().map(Row::cells).collect();
    let mut widths = HEAD.map(|head| head.chars().count());
    for row in &cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: [&str; 8]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!(" {cell:<width$} ")).collect::<Vec<_>>();
        println!("|{}|", cells.join("|"));
    };
    line(HEAD);
    let dashes = widths.map(|width| "-".repeat(width));
    line(std::array::from_fn(|column| dashes[column].as_str()));
    for row in &cells {
        line(std::array::from_fn(|column| row[column].as_str()));
    }
}
