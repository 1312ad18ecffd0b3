//! The way to the server is encrypted, and the server is who its certificate says.

use super::cluster::Cluster;
use super::{make_user, serve};
use crate::common::TestDir;

#[test]
fn the_server_must_show_a_certificate_that_is_trusted() {
    let (place, cluster) = (TestDir::new(), Cluster::new());
    let names = vec![String::from("127.0.0.1")];
    let own = rcgen::generate_simple_self_signed(names.clone()).expect("a certificate");
    let other = rcgen::generate_simple_self_signed(names).expect("a certificate");
    let (_primary, port) = cluster.start_with_tls("one", &own.cert.pem(), &own.signing_key.serialize_pem());
    for (file, text) in [("own.pem", own.cert.pem()), ("other.pem", other.cert.pem()), ("empty.pem", String::new())] {
        std::fs::write(place.file(file), text).expect("written");
    }
    let url = |options: &str| format!("postgres://postgres@127.0.0.1:{port}/roster?{options}");
    let trusted = url("sslmode=require&sslrootcert=own.pem");
    let server = serve(&place, &trusted);
    make_user(&mut server.client(), "ada");
    server.stop();
    for (options, problem) in [
        ("sslmode=require&sslrootcert=other.pem", "certificate"),
        ("sslmode=require", "certificate"),
        ("sslmode=disable", "no encryption"),
        ("sslmode=require&sslrootcert=empty.pem", "no certificate in it"),
        ("sslmode=require&sslrootcert=none.pem", "none.pem"),
    ] {
        let told = place.refused(1, &["user", "list", "--database", &url(options)]);
        assert!(told.contains(problem), "{options}: {told}");
    }
}
