//! The contract of a photo store, which the folder and its in-memory twin both keep; then what only a folder can do.

use super::super::store_tests_support::photo;
use super::super::{Store, StoreLimits, Stores};
use super::*;

const NOT_FOUND: Result<Bytes, FetchError> = Err(FetchError::Definite(Fault::NotFound));
const FORBIDDEN: Result<Bytes, FetchError> = Err(FetchError::Definite(Fault::Forbidden));
const TOO_LARGE: Result<Bytes, FetchError> = Err(FetchError::Definite(Fault::TooLarge));

async fn keeps_the_contract(photos: StoredPhotos) {
    let page = Bytes::from_static(b"page");
    // Names are taken literally: no percent-decoding, no globbing, any script.
    for uri in ["a.jpg", "class 7/b#1%2f?.jpg", "数学/第一页.jpg", "..hidden", "a..b/c", "-x", "~", "a*"] {
        photos.put(uri, page.clone()).await.unwrap();
        assert_eq!(photos.fetch(&photo(uri)).await, Ok(page.clone()), "{uri}");
    }
    photos.put("empty", Bytes::new()).await.unwrap();
    assert_eq!(photos.fetch(&photo("empty")).await, Ok(Bytes::new()));
    for uri in ["nothing.jpg", "a.jpg/b", "class 7", "class 7/", "A.JPG"] {
        assert_eq!(photos.fetch(&photo(uri)).await, NOT_FOUND, "{uri}");
    }
    let long = "x".repeat(2048);
    assert_eq!(photos.fetch(&photo(&long)).await, NOT_FOUND);
    let tricks = [
        "..",
        ".",
        "../a.jpg",
        "x/../a.jpg",
        "./a.jpg",
        "x/./a.jpg",
        "/a.jpg",
        "/etc/passwd",
        "//host/a.jpg",
        "x//a.jpg",
        "http://169.254.169.254/latest",
        "https://h/a.jpg",
        "s3://bucket/a.jpg",
        "ftp://h/a",
        "file://../a.jpg",
        "file://host/a.jpg",
        "file:///../../etc/passwd",
        "file:///%2e%2e/etc/passwd",
        "file:///x/%2e%2e/a.jpg",
        "a\\..\\b",
        "\\\\host\\share\\a.jpg",
        "a\0b",
        "a\nb",
    ];
    for uri in tricks {
        assert_eq!(photos.fetch(&photo(uri)).await, FORBIDDEN, "{uri}");
    }
    photos.put("most", vec![0u8; PHOTO_BYTES_MAX as usize]).await.unwrap();
    assert_eq!(photos.fetch(&photo("most")).await.unwrap().len() as u64, PHOTO_BYTES_MAX);
    photos.put("more", vec![0u8; PHOTO_BYTES_MAX as usize + 1]).await.unwrap();
    assert_eq!(photos.fetch(&photo("more")).await, TOO_LARGE);
}

#[tokio::test]
async fn a_folder_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    keeps_the_contract(StoredPhotos::folder(folder.path()).unwrap()).await;
}

#[tokio::test]
async fn memory_keeps_the_contract() {
    keeps_the_contract(StoredPhotos::memory()).await;
}

#[tokio::test]
async fn file_addresses_work_below_the_root_only() {
    let outer = tempfile::tempdir().unwrap();
    let outer_path = outer.path().canonicalize().unwrap();
    let root = outer_path.join("photos");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(root.join("a b.jpg"), "page").unwrap();
    std::fs::create_dir(outer_path.join("photos-private")).unwrap();
    std::fs::write(outer_path.join("photos-private/a.jpg"), "secret").unwrap();
    let photos = StoredPhotos::folder(&root).unwrap();
    let at = |path: &str| photo(&format!("file://{}/{path}", outer_path.display()));
    assert_eq!(photos.fetch(&at("photos/a%20b.jpg")).await, Ok(Bytes::from_static(b"page")));
    assert_eq!(photos.fetch(&at("photos/c.jpg")).await, NOT_FOUND);
    for path in ["photos-private/a.jpg", "a.jpg", "photos/../photos-private/a.jpg", "photos"] {
        assert_eq!(photos.fetch(&at(path)).await, FORBIDDEN, "{path}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_symlink_stays_below_the_root_or_is_forbidden() {
    use std::os::unix::fs::symlink;
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("photos");
    std::fs::create_dir_all(root.join("sub")).unwrap();
    std::fs::write(outer.path().join("secret.jpg"), "secret").unwrap();
    std::fs::write(root.join("sub/a.jpg"), "page").unwrap();
    symlink(outer.path().join("secret.jpg"), root.join("file-out")).unwrap();
    symlink(outer.path(), root.join("folder-out")).unwrap();
    symlink("sub/a.jpg", root.join("file-in")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    let photos = StoredPhotos::folder(&root).unwrap();
    assert_eq!(photos.fetch(&photo("file-in")).await, Ok(Bytes::from_static(b"page")));
    for uri in ["file-out", "folder-out/secret.jpg", "folder-out/photos/../secret.jpg"] {
        assert_eq!(photos.fetch(&photo(uri)).await, FORBIDDEN, "{uri}");
    }
    std::fs::write(root.join("unfinished#7"), "pa").unwrap();
    for uri in ["loop", "dangling", "unfinished#7"] {
        assert_eq!(photos.fetch(&photo(uri)).await, NOT_FOUND, "{uri}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_pipe_in_the_folder_does_not_hang_the_reader() {
    let root = tempfile::tempdir().unwrap();
    let made = std::process::Command::new("mkfifo").arg(root.path().join("pipe")).status().unwrap();
    assert!(made.success());
    let photos = StoredPhotos::folder(root.path()).unwrap();
    assert_eq!(photos.fetch(&photo("pipe")).await, NOT_FOUND);
}

#[tokio::test]
async fn a_folder_that_is_gone_fails_no_photo() {
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("photos");
    std::fs::create_dir(&root).unwrap();
    let photos = StoredPhotos::folder(&root).unwrap();
    std::fs::remove_dir(&root).unwrap();
    let error = photos.fetch(&photo("a.jpg")).await.unwrap_err();
    assert!(matches!(error, FetchError::Unavailable { .. }), "{error}");
    assert!(StoredPhotos::folder(&root).is_err());
}

#[tokio::test]
async fn all_the_wrappers_together() {
    let store = StoredPhotos::memory();
    store.put("a", Bytes::from_static(b"page")).await.unwrap();
    let photos = Store::new("memory", vec![String::new()], store, StoreLimits::default(), 1);
    let photos = Stores::new(vec![photos]);
    assert_eq!(photos.fetch(&photo("a")).await, Ok(Bytes::from_static(b"page")));
    assert_eq!(photos.fetch(&photo("b")).await, NOT_FOUND);
}
