//! What strangers may write where synfin shows it: one list, for every view.

// Each test uses its part of this.
#![allow(dead_code)]

/// Commands for terminals (the first one prints the screen, which nothing here ever asks for),
/// browsers, spreadsheets and readers of Markdown.
pub const EVIL: &str = "=1+1\x1b[5i\x1b[2J\x1b]0;owned\x07\u{9b}31m\u{202e}\u{200b}\u{2028}\u{feff}\u{ad}\r\n@SUM(A1)|`x`</script>\
     <script>alert(1)</script></title><img src=x onerror=alert(1)>\" onload=\"alert(1)";

/// As much of it as a file's name can hold.
pub const NAME: &str = "=1+1\x1b[5i\x1b[2J\x1b]0;owned\x07\u{9b}31m\u{202e}\u{200b}\n@SUM(A1)|`x`<img src=x onerror=alert(1)>.pcapng";

/// Would this character do something to a terminal, or hide itself?
pub fn commands(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}
