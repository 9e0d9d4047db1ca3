//! Texts that want to ping, format, spoof, escape or break out. Whoever shows one of them unchanged has a bug.

/// Hostile texts, one attack or a few each.
pub(super) const TEXTS: [&str; 14] = [
    "@everyone @here free mint <@1> <@&1> <#1> </airdrop:1> claim before midnight",
    "<!channel> <!here> <@U012AB3CD> <https://evil.example|northbay.example> & &amp; &lt;!channel&gt;",
    "**bold** __under__ ~~gone~~ ||spoiler|| `code` ```\nblock\n``` > quote\n# heading\n-# small",
    "[Northbay listing](https://evil.example) ![x](https://evil.example/x.png) <https://evil.example>",
    "_*[]()~`>#+-=|{}.!\\ \\_ \\* every character that MarkdownV2 wants escaped",
    "<b>bold</b> <a href=\"https://evil.example\">northbay.example</a> <script>alert(1)</script> <tg-spoiler>x</tg-spoiler>",
    "\u{202e}gpj.tsil\u{202c} \u{2066}isolate\u{2069} \u{200f}right\u{200e} \u{061c}marks: send 1 to \u{202e}01 evael",
    "l\u{200b}i\u{200b}s\u{200d}t\u{2060}i\u{feff}ng of \u{ff04}\u{ff22}\u{ff34}\u{ff23}: zero width, full width, soft\u{ad}hyphen",
    "\u{1b}[31mred\u{1b}[0m \u{1b}]0;owned\u{7} \u{1b}]52;c;ZXZpbA==\u{7} \u{1b}[2J\u{1b}[H \u{9b}31m \rOVERWRITTEN \u{8}\u{8}\u{8} \u{7}",
    "{{ 7 * 7 }} {% for x in range(9999999) %}x{% endfor %} {# no #} ${ENV} {{ firing.id }} <%= key %> #{key} %s %n",
    "\"}],\"content\":\"owned\",\"embeds\":[{\"title\":\"x\\\" \\u0000 \\ \u{0} \u{2028} \u{2029} ' ` \u{7f}",
    "line\r\nX-Injected: 1\r\n\r\nlevel=error msg=\"forged log line\"\n{\"level\":\"error\"}",
    "Z\u{335}\u{321}\u{34e}a\u{337}\u{322}\u{35a}l\u{336}\u{31b}\u{349}g\u{334}\u{328}\u{347}o\u{338}\u{327}\u{353} \u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467}\u{200d}\u{1f466} \u{fdfd}\u{fdfd}\u{fdfd} \u{12031}",
    "'; DROP TABLE firings; -- ../../../../etc/passwd file:///etc/passwd javascript:alert(1) data:text/html,x \u{ffff} \u{fffd}",
];

/// How often a text is repeated when the troll wants to be long.
pub(super) const LONG: usize = 60;
