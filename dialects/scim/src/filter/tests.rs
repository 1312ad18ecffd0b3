use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::schema::{ENTERPRISE, GROUPS, USERS};

fn user() -> Map<String, Value> {
    let user = json!({
        "id": "usr_1", "externalId": "Ext-1", "userName": "Åsa@Example.com", "active": true, "title": "50%_'\\",
        "name": {"givenName": "Åsa"}, "meta": {"created": "2026-11-22T06:00:00.000Z", "resourceType": "User"},
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "emails": [
            {"value": "asa@work.example", "type": "work", "primary": true},
            {"value": "asa@home.example", "type": "home"},
        ],
        ENTERPRISE: {"department": "Research", "manager": {"value": "usr_9"}},
    });
    user.as_object().cloned().expect("an object")
}

fn fits(filter: &str) -> bool {
    parse(filter, &USERS, &[]).unwrap_or_else(|problem| panic!("{filter}: {}", problem.0)).fits(&user())
}

#[test]
fn what_fits() {
    for filter in [
        r#"userName eq "åsa@example.com""#,
        r#"USERNAME EQ "ÅSA@EXAMPLE.COM""#,
        "userName eq \"A\u{30a}sa@example.com\"",
        r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "åsa""#,
        r#"externalId eq "Ext-1""#,
        r#"not (externalId eq "ext-1")"#,
        r#"emails eq "asa@home.example""#,
        r#"emails co "WORK""#,
        r#"emails[type eq "work" and value co "@work"]"#,
        r#"emails[type eq "work"].value eq "asa@work.example""#,
        r#"emails[type eq "home"].value"#,
        r#"not (emails[type eq "work"].value eq "asa@home.example")"#,
        r#"emails.type eq "work" and emails.value eq "asa@home.example""#,
        r#"emails[primary eq "True"].value sw "asa""#,
        "active eq true and active ne false and active eq \"TRUE\"",
        "title co \"%\" and title co \"_\" and title co \"'\" and title ew \"\\\\\"",
        r#"nickName ne "x" and nickName eq null and not (nickName pr)"#,
        "userName ne null and name pr and emails pr",
        r#"meta.created gt "2026-11-22T06:59:59+01:00" and meta.created le "2026-11-22T07:00:00+01:00""#,
        r#"manager eq "usr_9" and urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "RESEARCH""#,
        r#"schemas eq "urn:ietf:params:scim:schemas:core:2.0:user""#,
        "title pr and nickName pr or active eq true",
        "active eq true or title pr and nickName pr",
        "(((active eq true)))",
        "\tuserName\r\n  sw   \"å\"  ",
    ] {
        assert!(fits(filter), "{filter}");
    }
    for filter in [
        r#"externalId eq "ext-1""#,
        r#"emails[type eq "work" and value co "home"]"#,
        r#"title co "50%%""#,
        r#"userName gt "åsa@example.com""#,
        r#"nickName eq "x""#,
        "(active eq true or title pr) and nickName pr",
    ] {
        assert!(!fits(filter), "{filter}");
    }
}

#[test]
fn what_can_not_be_read() {
    for filter in [
        "",
        " ",
        "userName",
        "userName eq",
        "userName eq x",
        "userName eq 5",
        "userName xx \"a\"",
        "userName eq \"a",
        "userName eq \"a\" and",
        "userName eq \"a\" \"b\"",
        "(userName pr",
        "userName pr)",
        "not userName eq \"a\"",
        "shoeSize eq 38",
        "emails[type eq \"work\"",
        "emails[shape eq \"round\"]",
        "userName[type eq \"a\"]",
        "emails.value[type eq \"a\"]",
        "active gt true",
        "active eq 1",
        "active co \"t\"",
        "meta.created gt \"yesterday\"",
        "meta.created co \"2026\"",
        "meta.created eq 5",
        "addresses eq \"x\"",
        "name eq \"x\"",
        "userName gt null",
        "emails[emails[type pr]]",
        "userName eq \"\\ud800\"",
        "members eq \"a\"",
    ] {
        assert!(parse(filter, &USERS, &[]).is_err(), "{filter}");
    }
}

#[test]
fn what_only_another_kind_has_is_absent() {
    let filter = parse("members pr or userName pr", &USERS, &[&GROUPS]).expect("a filter");
    assert!(filter.fits(&user()));
    let filter = parse("not (displayName eq null) or members eq null", &USERS, &[&GROUPS]).expect("a filter");
    assert!(filter.fits(&user()));
    assert!(parse("neither pr", &USERS, &[&GROUPS]).is_err());
}

#[test]
fn limits() {
    let nested = |depth: usize| format!("{}active eq true{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(DEPTH_MAX), &USERS, &[]).is_ok());
    assert!(parse(&nested(DEPTH_MAX + 1), &USERS, &[]).is_err());
    assert!(parse(&"(".repeat(60_000), &USERS, &[]).is_err());
    assert!(parse(&"not (".repeat(12_000), &USERS, &[]).is_err());
    let terms = |count: usize| vec!["title pr"; count].join(" or ");
    assert!(parse(&terms(TERMS_MAX), &USERS, &[]).is_ok());
    assert!(parse(&terms(TERMS_MAX + 1), &USERS, &[]).is_err());
    assert!(parse(&format!("title eq \"{}\"", "x".repeat(LENGTH_MAX)), &USERS, &[]).is_err());
}

#[test]
fn paths() {
    for path in [
        "userName",
        "name.givenName",
        "emails",
        "emails.value",
        r#"emails[type eq "work"]"#,
        r#"emails[ type eq "work" and primary eq true ].value"#,
        ENTERPRISE,
        "manager",
        "manager.value",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
        "URN:IETF:params:scim:schemas:core:2.0:User:Name.FamilyName",
        "meta.created",
        r#"addresses[type eq "work"].postalCode"#,
    ] {
        assert!(parse_path(path, &USERS).is_ok(), "{path}");
    }
    for path in [
        "",
        "emails[",
        "emails[]",
        "emails[type eq \"work\"",
        "emails[type eq \"work\"]value",
        "emails[type eq \"work\"].value.x",
        "name[givenName pr]",
        "userName.value",
        "manager:value",
        "emails..value",
        "urn:foreign:userName",
        "[type pr]",
        "emails value",
        "department",
    ] {
        assert!(parse_path(path, &USERS).is_err(), "{path}");
    }
    assert!(parse_path(r#"members[value eq "usr_1"]"#, &GROUPS).is_ok());
}

/// Words that filters are made of, and what is near to them.
fn pieces() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::sample::select(vec![
            "userName", "emails", "name.givenName", "meta.created", "active", "members", "manager", "$ref", "id", "eq", "ne",
            "co", "sw", "ew", "gt", "ge", "lt", "le", "pr", "and", "or", "not", "(", ")", "[", "]", ".", ".value", "true",
            "false", "null", "\"a\"", "\"work\"", "\"2026-11-22T06:00:00Z\"", "12", "-1.5e3", " ", "\"", "\\", ":",
            "urn:ietf:params:scim:schemas:core:2.0:User:userName", "emails[type eq \"work\"]", "not (", "type", "value",
        ]).prop_map(String::from),
        1 => "\\PC{0,6}",
        1 => any::<String>(),
    ]
}

proptest! {
    // PROPTEST_CASES asks for more.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(4096), ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_sent_is_read_or_refused(pieces in prop::collection::vec(pieces(), 0..24), spaced in any::<bool>()) {
        let text = pieces.join(if spaced { " " } else { "" });
        if let Ok(filter) = parse(&text, &USERS, &[&GROUPS]) {
            let _ = filter.fits(&user());
        }
        let _ = parse_path(&text, &USERS);
        let _ = parse_path(&text, &GROUPS);
    }

    /// A good filter with a byte changed, left out or doubled.
    #[test]
    fn nearly_good_filters(at in 0..200_usize, what in any::<char>(), how in 0..3) {
        let good = r#"(userName sw "a" and emails[type eq "work" and not (primary eq true)].value co "@x") or meta.created gt "2026-01-01T00:00:00Z""#;
        let mut chars: Vec<char> = good.chars().collect();
        let at = at % chars.len();
        match how {
            0 => chars[at] = what,
            1 => { chars.remove(at); }
            _ => chars.insert(at, what),
        }
        let text: String = chars.into_iter().collect();
        let _ = parse(&text, &USERS, &[]).map(|filter| filter.fits(&user()));
    }

    /// Any text, as a literal, is found as what it is.
    #[test]
    fn literals_are_taken_literally(text in "\\PC{1,40}") {
        let mut resource = user();
        resource.insert("title".into(), Value::from(text.as_str()));
        let literal = serde_json::to_string(&text).expect("JSON");
        for operator in ["eq", "co", "sw", "ew", "ge", "le"] {
            let filter = parse(&format!("title {operator} {literal}"), &USERS, &[]).expect("a filter");
            prop_assert!(filter.fits(&resource), "{operator} {literal}");
        }
    }
}
