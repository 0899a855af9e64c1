//! Every way in which a file is replaced, on a real file system.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

async fn notices(watch: &mut FileWatch, what: &str) {
    let noticed = tokio::time::timeout(PATIENCE, watch.changed()).await;
    assert!(noticed.is_ok(), "{what} was not noticed");
    watch.follow_links().unwrap();
}

#[tokio::test]
async fn a_file_is_watched_through_writes_and_renames() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gwm.toml");
    fs::write(&path, "1").unwrap();
    let mut watch = FileWatch::new(&path).unwrap();
    fs::write(&path, "2").unwrap();
    notices(&mut watch, "a write in place").await;
    for round in 0..2 {
        fs::write(dir.path().join("new"), "3").unwrap();
        fs::rename(dir.path().join("new"), &path).unwrap();
        notices(&mut watch, &format!("rename {round}")).await;
    }
    fs::remove_file(&path).unwrap();
    notices(&mut watch, "a removal").await;
    fs::write(&path, "4").unwrap();
    notices(&mut watch, "a new file").await;
}

#[tokio::test]
async fn a_link_that_is_swapped_to_another_directory_is_followed() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    for version in ["v1", "v2"] {
        fs::create_dir(at(version)).unwrap();
        fs::write(at(version).join("gwm.toml"), version).unwrap();
    }
    symlink("v1", at("data")).unwrap();
    symlink("data/gwm.toml", at("gwm.toml")).unwrap();
    let mut watch = FileWatch::new(&at("gwm.toml")).unwrap();
    symlink("v2", at("new")).unwrap();
    fs::rename(at("new"), at("data")).unwrap();
    notices(&mut watch, "the swap").await;
    assert_eq!(fs::read_to_string(at("gwm.toml")).unwrap(), "v2");
    fs::write(at("v2/gwm.toml"), "v3").unwrap();
    notices(&mut watch, "a write behind the link").await;
}

#[tokio::test]
async fn a_slow_writer_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gwm.toml");
    fs::write(&path, "1").unwrap();
    let mut watch = FileWatch::new(&path).unwrap();
    let mut writer = fs::File::create(&path).unwrap();
    writer.write_all(b"half").unwrap();
    let quiet = tokio::time::timeout(Duration::from_millis(300), watch.changed()).await;
    assert!(quiet.is_err(), "half a file was taken for a change");
    writer.write_all(b" and half").unwrap();
    drop(writer);
    notices(&mut watch, "the end of the write").await;
}

#[tokio::test]
async fn reading_the_file_is_no_news() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gwm.toml");
    fs::write(&path, "1").unwrap();
    let watch = FileWatch::new(&path).unwrap();
    fs::read(&path).unwrap();
    let quiet = tokio::time::timeout(Duration::from_millis(300), watch.changed()).await;
    assert!(quiet.is_err(), "a read was taken for a change");
}
