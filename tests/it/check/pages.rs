//! Completions and pages of the manual.

use crate::kit::binary::Home;

#[test]
fn every_shell_gets_its_completions() {
    for (shell, words) in [
        ("bash", "_birdcall()"),
        ("zsh", "#compdef birdcall"),
        ("fish", "complete -c birdcall"),
        ("elvish", "set edit:completion:arg-completer[birdcall]"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let (code, out, said) = Home::new().run(&["completions", shell]);
        assert_eq!((code, said.as_str()), (0, ""));
        assert!(out.contains(words) && out.contains("redeliver") && out.contains("connect"), "{shell}:\n{out}");
    }
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let home = Home::new();
    let (code, out, said) = home.run(&["man"]);
    assert_eq!((code, said.as_str()), (0, ""));
    assert!(out.contains(".TH birdcall 1") && out.contains("TWEETSTREAM_API_KEY"), "{out}");
    let (code, out, _) = home.run(&["man", "share/man1"]);
    assert_eq!(code, 0);
    let count: usize = out.split(' ').next().unwrap().parse().unwrap();
    let folder = home.path().join("share/man1");
    assert_eq!((std::fs::read_dir(&folder).unwrap().count(), out.contains("share/man1")), (count, true), "{out}");
    let page = std::fs::read_to_string(folder.join("birdcall-check.1")).unwrap();
    assert!(page.contains(".TH birdcall-check 1") && page.contains("\\-\\-strict") && page.contains("birdcall check"), "{page}");
    home.write("taken", "");
    let (code, _, said) = home.run(&["man", "taken"]);
    assert!(code == 2 && said.contains("taken cannot be written to"), "{said}");
}
