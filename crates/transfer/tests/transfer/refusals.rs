//! What is no line of this format, or against a rule, is named with its line, and all of it at once.

use crate::common::Place;
use roster_engine::{EntityId, Kind, MembershipId, id};
use roster_transfer::Options;

/// There already, in the lines before.
const BEFORE: &str = r#"{"type":"organization","name":"Acme","external_id":"17","aliases":{"clerk":"org_old"}}
{"type":"organization","name":"Small","max_members":1}
{"type":"organization","name":"Strict","email_domains":["example.com"]}
{"type":"user","id":"usr_4U8KavHAib8","email":"ada@example.com","username":"ada","external_id":"1"}
{"type":"user","email":"bob@other.example","phones":["+4930123456"]}
{"type":"membership","organization":"acme","user":"ada","roles":["owner"],"default":true}
{"type":"membership","organization":"small","user":"ada","roles":["member"]}
{"type":"permission","key":"a:b"}
{"type":"role","key":"own","number":9,"permissions":["a:b"]}
{"type":"invitation","organization":"acme","email":"eve@example.com","roles":["member"]}
{"type":"directory_link","domain":"acme","user":"ada","user_name":"Ada","home":true}
"#;
/// Its lines.
const LINES: u64 = 11;

/// A line, and what is said of it. Where it says `…`, something follows that isn't the same each time.
const CASES: &[(&str, &str)] = &[
    // No line of this format.
    ("nonsense", "is not JSON: expected ident at column 2"),
    (r#"{"type":"user","email":"c@example.com""#, "is not JSON: EOF while parsing an object…"),
    (r#"["user"]"#, "is no JSON object"),
    (r#"{"email":"c@example.com"}"#, "missing field `type`"),
    (r#"{"type":"usr"}"#, "type \"usr\" is unknown; there are header, permission, role, organization, user, …"),
    (r#"{"type":"user","emial":"c@example.com"}"#, "emial: unknown field `emial`, expected one of …"),
    (r#"{"type":"user","name":"a","name":"b"}"#, "duplicate field `name`"),
    (r#"{"type":"user","name":1}"#, "name: invalid type: integer `1`, expected a string"),
    (r#"{"type":"user","status":"sleeping"}"#, "status: unknown variant `sleeping`, expected `active` or `inactive`"),
    (r#"{"type":"header","format":"roster-realm","version":1}"#, "a header must be the first line"),
    // Fields that can't be read.
    (r#"{"type":"user","id":"org_00000000000"}"#, "id is no id of a user, such as usr_00000000000"),
    (r#"{"type":"user","created_at":"yesterday"}"#, "created_at must be a time such as 2026-11-22T06:00:00.000Z"),
    (r#"{"type":"user","aliases":{"acme":"x"}}"#, "aliases: \"acme\" is no API that Roster speaks"),
    (r#"{"type":"membership","organization":"acme","roles":["member"]}"#, "missing field `user`"),
    (
        r#"{"type":"membership","organization":{"nmae":"acme"},"user":"ada","roles":["member"]}"#,
        "organization can't be named by \"nmae\", only by id, slug, external_id, or by the id of whylabs, …",
    ),
    (
        r#"{"type":"membership","organization":{"slug":"a","id":"b"},"user":"ada","roles":["member"]}"#,
        "organization: must have exactly one entry, such as {\"external_id\": \"17\"}",
    ),
    // Rules of one thing by itself.
    (r#"{"type":"user","email":"c@example"}"#, "email must be one e-mail address, such as ada@example.com"),
    (r#"{"type":"user","username":"c c"}"#, "username must not be empty and must not contain blanks"),
    (r#"{"type":"user","phones":["112"]}"#, "phone must be a phone number such as +14155550100"),
    (
        r#"{"type":"user","email":"c@example.com","addresses":[]}"#,
        "addresses can't be given together with email, other_emails or phones",
    ),
    (
        r#"{"type":"user","addresses":[{"kind":"email","value":"c@example.com","primary":true},{"kind":"email","value":"d@example.com","primary":true}]}"#,
        "addresses[1].primary is said of another address of this kind, too",
    ),
    (
        r#"{"type":"user","addresses":[{"kind":"email","value":"c@example.com"},{"kind":"email","value":"C@example.com"}]}"#,
        "addresses[1].value is there twice",
    ),
    (r#"{"type":"user","extras":{"acme":{}}}"#, "extras.acme is of no vendor that Roster knows"),
    (r#"{"type":"organization"}"#, "missing field `name`"),
    (r#"{"type":"organization","name":" "}"#, "name must not be blank"),
    (r#"{"type":"organization","name":"X","slug":"~root"}"#, "slug may hold only a-z, 0-9 and -"),
    (
        r#"{"type":"organization","name":"X","email_domains":["x y"]}"#,
        "email_domains holds \"x y\", which is no domain name",
    ),
    (r#"{"type":"organization","root":true,"slug":"x"}"#, "slug can't be given for the root"),
    (r#"{"type":"user","aliases":{"clerk":"usr_4U8KavHAib8"}}"#, "alias looks like an id that Roster made"),
    (r#"{"type":"role","key":"X"}"#, "key must be 1 to 64 of a-z, 0-9 and _"),
    (r#"{"type":"role","key":"x","number":3}"#, "number must be from 8 to 62"),
    (
        r#"{"type":"membership","organization":"acme","user":"bob@other.example","roles":[]}"#,
        "roles must name at least one role",
    ),
    // What isn't there.
    (r#"{"type":"organization","name":"X","parent":"nowhere"}"#, "no such organization: nowhere"),
    (
        r#"{"type":"membership","organization":"nowhere","user":"ada","roles":["member"]}"#,
        "no such organization: nowhere",
    ),
    (r#"{"type":"membership","organization":"acme","user":"eve","roles":["member"]}"#, "no such user: eve"),
    (r#"{"type":"membership","organization":"acme","user":{"clerk":"x"},"roles":["member"]}"#, "no such user: x"),
    (r#"{"type":"membership","organization":"strict","user":"ada","roles":["boss"]}"#, "no such role: boss"),
    (r#"{"type":"role","key":"x","permissions":["c:d"]}"#, "no such permission: c:d"),
    // What is there already.
    (r#"{"type":"user","id":"usr_4U8KavHAib8"}"#, "another user has this id already: usr_4U8KavHAib8"),
    (r#"{"type":"user","email":"ADA@example.com"}"#, "another user has this email already: usr_4U8KavHAib8"),
    (r#"{"type":"user","username":"Ada"}"#, "another user has this username already: usr_4U8KavHAib8"),
    (r#"{"type":"user","external_id":"1"}"#, "another user has this external_id already: usr_4U8KavHAib8"),
    (r#"{"type":"user","phones":["+4930123456"]}"#, "another user has this phone already: usr_…"),
    (r#"{"type":"organization","name":"X","slug":"acme"}"#, "another organization has this slug already: org_…"),
    (
        r#"{"type":"organization","name":"X","external_id":"17"}"#,
        "another organization has this external_id already: org_…",
    ),
    (
        r#"{"type":"organization","name":"X","aliases":{"clerk":"org_old"}}"#,
        "another organization has this alias already: org_…",
    ),
    (r#"{"type":"role","key":"own"}"#, "another role has this key already: rol_…"),
    (r#"{"type":"role","key":"x","number":9}"#, "another role has this number already: rol_…"),
    (r#"{"type":"permission","key":"a:b"}"#, "another permission has this key already: prm_…"),
    (
        r#"{"type":"membership","organization":"acme","user":"ada","roles":["member"]}"#,
        "the user is a member of this organization already",
    ),
    (
        r#"{"type":"invitation","organization":"acme","email":"eve@example.com","roles":["viewer"]}"#,
        "there is a pending invitation to this address already",
    ),
    (
        r#"{"type":"invitation","organization":"acme","email":"ada@example.com","roles":["viewer"]}"#,
        "the user is a member of this organization already",
    ),
    (r#"{"type":"directory_link","domain":"acme","user":"ada"}"#, "subject has a link of this domain already"),
    // Rules of several things together.
    (
        r#"{"type":"membership","organization":"acme","user":"bob@other.example","roles":["owner"]}"#,
        "the organization has an owner already: transfer the ownership instead",
    ),
    (
        r#"{"type":"membership","organization":"strict","user":"ada","roles":["member"],"default":true}"#,
        "default is said of another membership of this user, too",
    ),
    (
        r#"{"type":"membership","organization":"small","user":"bob@other.example","roles":["member"]}"#,
        "the organization may have at most 1 members",
    ),
    (
        r#"{"type":"membership","organization":"strict","user":"bob@other.example","roles":["member"]}"#,
        "the organization admits only members with an e-mail address of its domains",
    ),
    (
        r#"{"type":"invitation","organization":"acme","email":"x@example.com","roles":["owner"]}"#,
        "roles must not be the owner's: an owner is made of a member",
    ),
    (
        r#"{"type":"directory_link","domain":"small","user":"bob@other.example","organization":"acme"}"#,
        "must be of either a user or an organization",
    ),
    (
        r#"{"type":"directory_link","domain":"acme","user":"bob@other.example","user_name":"ADA"}"#,
        "another user has this user_name already",
    ),
    (
        r#"{"type":"directory_link","domain":"small","user":"ada","home":true}"#,
        "home is said of another link of this user, too",
    ),
];

fn fits(said: &str, expected: &str) -> bool {
    let (_, said) = said.split_once(": ").expect("line and problem");
    match expected.strip_suffix('…') {
        Some(beginning) => said.starts_with(beginning),
        None => said == expected,
    }
}

fn check(refused: &[String]) {
    let mut wrong = Vec::new();
    for (number, ((line, expected), said)) in CASES.iter().zip(refused).enumerate() {
        if !said.starts_with(&format!("{}:", LINES + 1 + number as u64)) || !fits(said, expected) {
            wrong.push(format!("{line}\n  said      {said}\n  expected  {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(refused.len(), CASES.len());
}

/// In one file, and by a dry run, which has nothing in the database to look at.
#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_names_its_line() {
    let place = Place::new().await;
    let cases: Vec<_> = CASES.iter().map(|(line, _)| *line).collect();
    let text = format!("{BEFORE}{}\n", cases.join("\n"));
    let dry = Options { dry_run: true, ..Options::default() };
    let (_, refused) = place.import_with(&text, dry).await;
    check(&refused);
    // All lines are one chunk here, which is left out as a whole.
    let (done, refused) = place.import(&text).await;
    check(&refused);
    assert_eq!((done.total(), done.lines), (0, 0));
    // Behind lines that were imported before, so that the database has them.
    assert_eq!(place.import(BEFORE).await.1, Vec::<String>::new());
    let (_, refused) = place.import_with(&text, dry).await;
    check(&refused);
    let (done, refused) = place.import(&text).await;
    check(&refused);
    assert_eq!((done.total(), done.lines), (0, LINES));
    place.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_put_right_goes_on_where_it_was() {
    let place = Place::new().await;
    let good = r#"{"type":"user","email":"a@example.com"}"#;
    assert_eq!(place.import(good).await.0.total(), 1);
    let (done, refused) = place.import(&format!("{good}\n\n{{\"type\":\"user\",\"email\":\"b\"}}\n")).await;
    assert_eq!((done.total(), refused.len()), (0, 1));
    assert!(refused[0].starts_with("3: email"), "{refused:?}");
    let (done, refused) = place.import(&format!("{good}\n\n{{\"type\":\"user\",\"email\":\"b@example.com\"}}\n")).await;
    assert_eq!((done.total(), refused.len(), done.lines), (1, 0, 3));
    // Another file begins at its first line.
    let (done, refused) = place.import(r#"{"type":"user","email":"c@example.com"}"#).await;
    assert_eq!((done.total(), refused.len(), done.lines), (1, 0, 1));
    place.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_an_export_is_known_for_what_it_is() {
    let place = Place::new().await;
    let whole = place.export().await;
    let lines: Vec<_> = whole.lines().collect();
    let (_, refused) = place.import(&lines[..lines.len() - 1].join("\n")).await;
    assert_eq!(refused, ["3: is missing: the header announces a last line of type end"]);
    let (_, refused) = place.import(&whole.replace("\"lines\":2", "\"lines\":7")).await;
    assert_eq!(refused, ["3: says 7 lines, there are 2"]);
    let (_, refused) = place.import(&format!("{whole}{{\"type\":\"user\"}}")).await;
    assert_eq!(refused, ["4: comes after the line that says that it is the last one"]);
    for header in
        [r#"{"type":"header","format":"x","version":1}"#, r#"{"type":"header","format":"roster-realm","version":2}"#]
    {
        let (_, refused) = place.import(header).await;
        assert!(refused.len() == 1 && refused[0].contains("is unknown"), "{refused:?}");
    }
}

/// As people write them.
#[tokio::test(flavor = "multi_thread")]
async fn names_are_enough() {
    let place = Place::new().await;
    let text = "\u{feff}{\"type\":\"organization\",\"name\":\"Acme\",\"aliases\":{\"clerk\":\"org_1\"}}\r\n\r\n"
        .to_owned()
        + r#"{"type":"organization","name":"Acme","external_id":"17","parent":"acme"}
{"type":"user","email":"Ada@Example.com","username":"ada@home","external_id":"5","aliases":{"clerk":"user_1"}}
{"type":"user","username":"bob"}
{"type":"membership","organization":"acme","user":"ada@example.com","roles":["member"]}
{"type":"membership","organization":"17","user":"ada@home","roles":["member"]}
{"type":"membership","organization":"/","user":{"clerk":"user_1"},"roles":["viewer"]}
{"type":"membership","organization":{"clerk":"org_1"},"user":"BOB","roles":["admin","member"]}
{"type":"membership","organization":{"slug":"acme-2"},"user":{"username":"Bob"},"roles":["member"]}"#;
    let (done, refused) = place.import(&text).await;
    assert_eq!((refused, done.total()), (Vec::new(), 9));
    // The same, where all of it is in the database.
    let more = r#"{"type":"organization","name":"Third","slug":"third"}
{"type":"membership","organization":"third","user":"ada@home","roles":["member"]}
{"type":"membership","organization":"third","user":{"external_id":"5"},"roles":["member"]}
{"type":"membership","organization":"17","user":"ada@home","roles":["member"]}
{"type":"membership","organization":{"clerk":"org_1"},"user":{"email":"ADA@example.com"},"roles":["member"]}"#;
    let (_, refused) = place.import(more).await;
    let lines: Vec<_> = refused.iter().map(|said| &said[..2]).collect();
    assert_eq!(lines, ["3:", "4:", "5:"], "{refused:?}");
    place.verify().await;
}

/// Whoever was invited is a member from then on, as when he is added otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn invitations_are_accepted() {
    let place = Place::new().await;
    let first = r#"{"type":"organization","name":"Acme","max_members":1}
{"type":"invitation","organization":"acme","email":"eve@example.com","roles":["member"]}"#;
    assert_eq!(place.import(first).await.1, Vec::<String>::new());
    let second = r#"{"type":"user","email":"ann@example.com"}
{"type":"membership","organization":"acme","user":"ann@example.com","roles":["member"]}"#;
    let (_, refused) = place.import(second).await;
    assert_eq!(refused, ["2: the organization may have at most 1 members"], "the place is kept");
    let third = r#"{"type":"user","email":"eve@example.com"}
{"type":"membership","organization":"acme","user":"eve@example.com","roles":["viewer"]}"#;
    assert_eq!(place.import(third).await.1, Vec::<String>::new());
    let exported = place.export().await;
    assert!(!exported.contains("\"invitation\"") && exported.contains("\"viewer\""), "{exported}");
    place.verify().await;
}

/// The id of a membership that was there before: such a line isn't asked whether there is room.
fn carried_id() -> String {
    MembershipId::from_raw(id::compose(1, Kind::Membership, 0)).native()
}

/// A place that was kept for somebody is taken once, as by single operations: where all who were invited come together, behind their
/// invitations or in the same file.
#[tokio::test(flavor = "multi_thread")]
async fn who_was_invited_takes_the_place_that_was_kept() {
    const INVITED: &str = r#"{"type":"organization","name":"Acme","max_members":2}
{"type":"invitation","organization":"acme","email":"eve@example.com","roles":["member"]}
{"type":"invitation","organization":"acme","email":"bob@example.com","roles":["member"]}
"#;
    const COME: &str = r#"{"type":"user","email":"eve@example.com"}
{"type":"user","email":"bob@example.com"}
{"type":"membership","organization":"acme","user":"eve@example.com","roles":["member"]}
{"type":"membership","organization":"acme","user":"bob@example.com","roles":["member"]}
"#;
    const ONE_MORE: &str = r#"{"type":"user","email":"ann@example.com"}
{"type":"membership","organization":"acme","user":"ann@example.com","roles":["member"]}"#;
    let full = |line: u64| [format!("{line}: the organization may have at most 2 members")];
    let carried = COME.replacen(r#""membership","#, &format!(r#""membership","id":"{}","#, carried_id()), 1);
    for come in [COME, carried.as_str()] {
        let (place, at_once) = (Place::new().await, Place::new().await);
        assert_eq!(place.import(INVITED).await.1, Vec::<String>::new());
        for dry_run in [true, false] {
            let options = Options { dry_run, ..Options::default() };
            assert_eq!(place.import_with(&format!("{come}{ONE_MORE}"), options).await.1, full(6));
            assert_eq!(at_once.import_with(&format!("{INVITED}{come}{ONE_MORE}"), options).await.1, full(9));
        }
        for (place, text) in [(&place, come.to_owned()), (&at_once, format!("{INVITED}{come}"))] {
            assert_eq!(place.import(&text).await.1, Vec::<String>::new());
            assert_eq!(place.import(ONE_MORE).await.1, full(2));
            let exported = place.export().await;
            assert!(!exported.contains("\"invitation\""), "{exported}");
            place.verify().await;
        }
    }
}

/// An invitation that has expired keeps no place, whoever brought it.
#[tokio::test(flavor = "multi_thread")]
async fn what_has_expired_takes_no_place() {
    let place = Place::new().await;
    let text = r#"{"type":"organization","name":"Acme","max_members":1}
{"type":"invitation","organization":"acme","email":"eve@example.com","roles":["member"],"expires_at":"2001-01-01T00:00:00.000Z"}
{"type":"user","email":"eve@example.com"}
{"type":"user","email":"ann@example.com"}
{"type":"membership","organization":"acme","user":"eve@example.com","roles":["member"]}
{"type":"membership","organization":"acme","user":"ann@example.com","roles":["member"]}"#;
    let (_, refused) = place.import(text).await;
    assert_eq!(refused, ["6: the organization may have at most 1 members"], "one place, and it is taken once");
}

/// More lines than a chunk has: what those before took counts, also where they are only checked.
#[tokio::test(flavor = "multi_thread")]
async fn a_limit_counts_the_chunks_before() {
    let place = Place::new().await;
    let before = r#"{"type":"organization","name":"Acme","max_members":1}
{"type":"user","email":"ann@example.com"}
{"type":"user","email":"bob@example.com"}"#;
    let member = r#""organization":"acme","roles":["member"]"#;
    let ann = format!(r#"{{"type":"membership","id":"{}",{member},"user":"ann@example.com"}}"#, carried_id());
    let others = "{\"type\":\"user\"}\n".repeat(1000);
    let bob = format!(r#"{{"type":"membership",{member},"user":"bob@example.com"}}"#);
    let text = format!("{before}\n{ann}\n{others}{bob}\n");
    for dry_run in [true, false] {
        let (_, refused) = place.import_with(&text, Options { dry_run, ..Options::default() }).await;
        assert_eq!(refused, ["1005: the organization may have at most 1 members"], "{dry_run}");
    }
    place.verify().await;
}
