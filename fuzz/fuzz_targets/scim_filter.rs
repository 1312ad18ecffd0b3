//! Filters and PATCH paths of SCIM: whatever is sent is read or refused, and what was read can be asked.
#![no_main]

use libfuzzer_sys::fuzz_target;
use roster_scim::filter::{parse, parse_path};
use roster_scim::schema::{GROUPS, USERS};

fuzz_target!(|text: &str| {
    for (of, other) in [(&USERS, &GROUPS), (&GROUPS, &USERS)] {
        if let Ok(filter) = parse(text, of, &[other]) {
            let _ = filter.fits(&serde_json::Map::new());
        }
        let _ = parse_path(text, of);
    }
});
