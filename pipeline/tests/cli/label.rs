//! `inkflow label` over HTTP: what it serves, to whom, and what it keeps.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

struct Labelling {
    child: Child,
    /// 127.0.0.1 and the port.
    address: String,
    token: String,
}

impl Labelling {
    fn start(folder: &Path) -> Labelling {
        let mut command = Command::new(env!("CARGO_BIN_EXE_inkflow"));
        command.arg("label").arg(folder).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the command starts");
        let lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let url = lines.map_while(Result::ok).find_map(|line| Some(line.strip_prefix("open http://")?.to_owned()));
        let url = url.expect("it prints its address");
        let (address, token) = url.trim_end_matches('/').split_once('/').expect("an address and a token");
        let (address, token) = (address.to_owned(), token.to_owned());
        assert!(address.starts_with("127.0.0.1:") && token.len() == 32, "{url}");
        Labelling { child, address, token }
    }

    /// The status, the head and the body of an answer.
    fn ask(&self, method: &str, path: &str, host: &str, body: &str) -> (u16, String, Vec<u8>) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .expect("it takes the request");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("it answers");
        let head = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        let (head, body) = (String::from_utf8_lossy(&answer[..head]).into_owned(), answer[head + 4..].to_vec());
        (head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status"), head, body)
    }

    fn get(&self, path: &str) -> (u16, Vec<u8>) {
        let (status, _, body) = self.ask("GET", &format!("/{}/{path}", self.token), &self.address, "");
        (status, body)
    }

    fn label(&self, photo: usize, mark: &str) -> u16 {
        self.ask("POST", &format!("/{}/label/{photo}", self.token), &self.address, mark).0
    }

    fn end(mut self) {
        let asked = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().expect("kill runs");
        assert!(asked.success());
        assert_eq!(self.child.wait().expect("it ends").code(), Some(0));
    }
}

impl Drop for Labelling {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder with two photos, one with a name that is markup, and a file that is no photo by its bytes.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/demo-photos");
    for (from, to) in [("0001.jpg", "<img src=x>, \"1\".jpg"), ("0003.jpg", "b.jpg")] {
        std::fs::copy(photos.join(from), folder.path().join(to)).expect("a photo");
    }
    std::fs::write(folder.path().join("c.png"), "no photo").expect("a file");
    folder
}

#[test]
fn photos_are_shown_and_what_is_said_of_them_is_kept() {
    let folder = folder();
    let labelling = Labelling::start(folder.path());
    let (status, page) = labelling.get("");
    let page = String::from_utf8(page).expect("UTF-8");
    assert!(status == 200 && page.contains("<title>inkflow label</title>") && !page.contains("{{"), "{status}: {page}");
    let (_, list) = labelling.get("photos");
    let list: serde_json::Value = serde_json::from_slice(&list).expect("JSON");
    assert_eq!(list[0], serde_json::json!({"file": "<img src=x>, \"1\".jpg", "mark": null}));
    let (status, jpeg) = labelling.get("photo/1");
    assert!(status == 200 && jpeg.starts_with(&[0xff, 0xd8, 0xff]));
    assert_eq!(labelling.get("photo/2"), (422, b"not_an_image".to_vec()));
    assert_eq!(labelling.get("photo/3").0, 404);

    let labels = folder.path().join("labels.csv");
    assert!(!labels.exists(), "nothing is written before something is said");
    assert_eq!(labelling.label(0, r#"{"percent": 70, "page": true, "unusable": false}"#), 204);
    assert_eq!(labelling.label(1, r#"{"percent": null, "page": false, "unusable": false}"#), 204);
    let kept = "file,source,page,kind,completion,unusable,medium\n\"<img src=x>, \"\"1\"\".jpg\",,yes,,0.70,none,\n\
                b.jpg,,no,,,none,\n";
    assert_eq!(std::fs::read_to_string(&labels).expect("labels"), kept);
    for wrong in ["", "{}", r#"{"percent": 101, "page": true, "unusable": false}"#, r#"{"percent": 1}"#, "[1]"] {
        assert_eq!(labelling.label(1, wrong), 400, "{wrong}");
    }
    assert_eq!(labelling.label(9, r#"{"percent": 1, "page": true, "unusable": false}"#), 404);
    assert_eq!(labelling.label(0, &" ".repeat(2_000)), 413);
    assert_eq!(std::fs::read_to_string(&labels).expect("labels"), kept);
    labelling.end();

    let again = Labelling::start(folder.path());
    let (_, list) = again.get("photos");
    let list: serde_json::Value = serde_json::from_slice(&list).expect("JSON");
    assert_eq!(list[0]["mark"]["percent"], 70, "it goes on where it was");
    // What another program writes meanwhile is not lost.
    std::fs::write(&labels, "file,completion\nb.jpg,1\n").expect("a file");
    assert_eq!(again.label(0, r#"{"percent": 1, "page": true, "unusable": false}"#), 409);
    assert_eq!(std::fs::read_to_string(&labels).expect("labels"), "file,completion\nb.jpg,1\n");
}

#[test]
fn it_is_for_this_machine_and_for_who_has_the_address() {
    let folder = folder();
    let labelling = Labelling::start(folder.path());
    let port = labelling.address.rsplit(':').next().expect("a port").to_owned();
    let photos = format!("/{}/photos", labelling.token);
    for host in ["evil.example", &format!("evil.example:{port}"), "127.0.0.1", "localhost:1", ""] {
        let (status, _, body) = labelling.ask("GET", &photos, host, "");
        assert!(status == 421 || status == 400, "{host}: {status}");
        assert!(!String::from_utf8_lossy(&body).contains("b.jpg"), "{host}");
    }
    assert_eq!(labelling.ask("GET", &photos, &format!("localhost:{port}"), "").0, 200);
    let wrong = "0".repeat(32);
    for path in
        ["/", "/photos", "//photos", &format!("/{wrong}/photos"), &format!("/{wrong}/photo/0"), "/../labels.csv"]
    {
        assert_eq!(labelling.ask("GET", path, &labelling.address, "").0, 404, "{path}");
    }
    let posted = labelling.ask("POST", &format!("/{wrong}/label/0"), &labelling.address, r#"{"percent": 1}"#);
    assert_eq!(posted.0, 404);
    let (_, head, _) = labelling.ask("GET", &format!("/{}/", labelling.token), &labelling.address, "");
    let head = head.to_ascii_lowercase();
    for header in
        ["content-security-policy: default-src 'none'", "referrer-policy: no-referrer", "cache-control: no-store"]
    {
        assert!(head.contains(header), "no {header} in\n{head}");
    }
    assert!(!folder.path().join("labels.csv").exists());
}
