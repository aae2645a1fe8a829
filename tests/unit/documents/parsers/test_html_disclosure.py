"""What a click shows is content; what nothing on the page opens stays hidden."""

import pytest

from ingest.documents.parsers import html
from tests.unit.documents.parsers.checks import faults, headings, parsed, shown
from tests.work import calls_of

HIDES = (
    "hidden",
    "style='display:none'",
    "style='visibility: hidden'",
    "style='height:0;overflow:hidden'",
    "hidden=''",
)
SCRIPTED = {
    "jquery": (
        "<a href='#' id=more>Read on</a><p>a</p><div id=x {}>PANEL</div>",
        "$('#more').click(() => $('#x').show())",
    ),
    "jquery, next": (
        "<h3 class=q>Q</h3><div class=a {}>PANEL</div>",
        "$('.q').on('click', f(){$(this).next().toggle()})",
    ),
    "listener": (
        "<button id=b>Q</button><p>a</p><div id=x {}>PANEL</div>",
        "d = document.getElementById('x'); document.getElementById('b').addEventListener('click', () => d.show())",
    ),
    "by class": (
        "<span class=b>Q</span><p>a</p><div class=a {}>PANEL</div>",
        'document.querySelector(".b").onclick = () => document.querySelector(".a").classList.toggle("open")',
    ),
    "by data": (
        "<button class=b data-for=x>Q</button><p>a</p><div id=x {}>PANEL</div>",
        "for (const b of document.querySelectorAll('.b')) b.addEventListener('click', () => $(b.dataset.for).show())",
    ),
}
NOT_SCRIPTED = {
    "no control": ("<div id=x {}>PANEL</div>", "window.onclick = () => $('#x').show()"),
    "control inside": ("<div id=x {}><b id=b>Q</b>PANEL</div>", "$('#b').click(() => $('#x').show())"),
    "other part": ("<b id=b>Q</b><p>a</p><div id=x {}>PANEL</div>", "$('#b').click(() => $('#y').show())"),
    "no click": ("<b id=b>Q</b><p>a</p><div id=x {}>PANEL</div>", "if ($('#b')) $('#x').show()"),
    "a program": (
        "<b id=b>Q</b><p>a</p><div id=x {}>PANEL</div>",
        "$('#b').click(() => $('#x').show());" + "f();" * 2**15,
    ),
}
FILLER = "<p>The page has other text, so that none of these parts holds most of what is on it.</p>" * 3


def split(page: str) -> tuple[str, str]:
    """Return the visible and the hidden text."""
    document = parsed(html, f"<html><body>{page}{FILLER}</body></html>")
    assert faults(document) == []
    texts: dict[bool, list[str]] = {False: [], True: []}
    for block in document.blocks:
        texts["hidden" in block.marks].append(document.text[block.start : block.end])
    return "\n".join(texts[False]), "\n".join(texts[True])


OPENED = {
    "aria-controls": "<button aria-controls='other x'>Q</button><p>a</p><div id=x {}>PANEL</div>",
    "accordion in headings": (
        "<h3><button aria-expanded=false aria-controls=x>Q</button></h3><div id=x role=region {}>PANEL</div>"
    ),
    "without ids": "<h3><button aria-expanded=false>Q</button></h3><div {}>PANEL</div>",
    "labelled panel": "<h3><button id=b>Q</button></h3><p>a</p><div role=region aria-labelledby=b {}>PANEL</div>",
    "labelled by a heading": (
        "<h3 id=b><button>Q</button></h3><p>a</p><section role=region aria-labelledby=b {}>PANEL</section>"
    ),
    "stimulus": (
        "<p data-controller=fold><button data-action='click->fold#toggle'>Q</button><p>a</p>"
        "<div data-fold-target=content {}>PANEL</div>"
    ),
    "by class": "<button data-bs-target='.x'>Q</button><p>a</p><div class='collapse x' {}>PANEL</div>",
    "bootstrap 5": (
        "<a data-bs-toggle=collapse href='#x' role=button>Q</a><p>a</p><div class=collapse id=x {}>PANEL</div>"
    ),
    "bootstrap 4": (
        "<button data-toggle=collapse data-target='#x'>Q</button><p>a</p><div class=collapse id=x {}>PANEL</div>"
    ),
    "bootstrap heading": "<h4 data-toggle=collapse data-target='#x'>Q</h4><p>a</p><div id=x {}>PANEL</div>",
    "bootstrap 3": (
        "<div class=panel-group role=tablist><div class=panel><h4 role=tab>"
        "<a href='#x' data-toggle=collapse>Q</a></h4>"
        "<div id=x class='panel-collapse collapse' role=tabpanel {}>PANEL</div></div></div>"
    ),
    "milo": "<dl class=accordion><dt><button aria-controls=x>Q</button></dt><dd id=x {}>PANEL</dd></dl>",
    "definitions": "<dl class=faq><dt>Q</dt><dd {}>PANEL</dd></dl>",
    "aem": "<div class=cmp-accordion__item><h3><button class=cmp-accordion__button aria-controls=x>Q</button></h3>"
    "<div id=x class='cmp-accordion__panel' role=region {}>PANEL</div></div>",
    "w3 accordion": "<button class=accordion>Q</button><div class=panel {}>PANEL</div>",
    "w3 tabs": (
        "<div class=tab><button onclick=\"openCity(event, 'x')\">Q</button></div>"
        "<div id=x class=tabcontent {}>PANEL</div>"
    ),
    "script": (
        "<button onclick=\"document.getElementById('x').style.display='block'\">Q</button><p>a</p><p id=x {}>PANEL</p>"
    ),
    "script link": "<a href=\"javascript:toggle('x')\">Q</a><p>a</p><p id=x {}>PANEL</p>",
    "faq items": "<div class=faq-item><div class=faq-question>Q</div><div class=faq-answer {}>PANEL</div></div>",
    "jquery accordion": "<div id=accordion><h3>Q</h3><div {}>PANEL</div></div>",
    "jquery tabs": (
        "<div id=tabs><ul><li><a href='#y'>Q</a><li><a href='#x'>R</a></ul><div id=y>a</div>"
        "<div id=x {}>PANEL</div></div>"
    ),
    "plain tabs": "<ul><li><a href='#y'>Q</a><li><a href='#x'>R</a></ul><div id=y>a</div><div id=x {}>PANEL</div>",
    "foundation": "<ul class=tabs data-tabs><li><a href='#x'>Q</a></ul><div class=tabs-panel id=x {}>PANEL</div>",
    "tab links": "<ul class=tabs><li class=tab-link data-tab=x>Q</ul><div class=tab-content id=x {}>PANEL</div>",
    "semantic ui": (
        "<div class=menu><a class=item data-tab=x>Q</a></div><p>a</p><div class='ui tab' data-tab=x {}>PANEL</div>"
    ),
    "docusaurus": "<div><ul role=tablist><li role=tab>Q<li role=tab>R</ul><div><div role=tabpanel>a</div>"
    "<div role=tabpanel {}>PANEL</div></div></div>",
    "starlight": (
        "<ul role=tablist><li><a role=tab href='#x' id=t>Q</a></ul><p>a</p><div id=x role=tabpanel {}>PANEL</div>"
    ),
    "sphinx tabs": "<div role=tablist><button aria-controls=x role=tab id=t>Q</button></div>"
    "<div role=tabpanel aria-labelledby=t id=x {}>PANEL</div>",
    "flowbite": "<button data-accordion-target='#x'>Q</button><p>a</p><div id=x {}>PANEL</div>",
    "uikit": "<button uk-toggle='target: #x'>Q</button><p>a</p><p id=x {}>PANEL</p>",
    "alpine": (
        "<div x-data='{{open:false}}'><button @click='open = !open'>Q</button><p>a</p>"
        "<div x-show=open {}>PANEL</div></div>"
    ),
    "popover": "<button popovertarget=x>Q</button><p>a</p><div id=x popover {}>PANEL</div>",
    "dialog": "<button command=show-modal commandfor=x>Q</button><p>a</p><dialog id=x {}>PANEL</dialog>",
    "dialog by script": "<button onclick='x.showModal()'>Q</button><p>a</p><dialog id=x {}>PANEL</dialog>",
    "modal": (
        "<a data-bs-toggle=modal data-bs-target='#x' href='#'>Q</a><p>a</p>"
        "<div class=modal role=dialog id=x {}>PANEL</div>"
    ),
    "carousel": "<div class=carousel><div class=carousel-item>a</div><div class=carousel-item {}>PANEL</div>"
    "<button class=carousel-control-next aria-label=Next>›</button></div>",
    "slides": "<div role=group aria-roledescription=carousel><div aria-roledescription=slide {}>PANEL</div>"
    "<button aria-label='Next slide'>›</button></div>",
    "w3 slides": "<div class=slideshow><div class=mySlides {}>PANEL</div><a class=prev onclick='plus(-1)'>❮</a></div>",
    "more": (
        "<p>a <span id=dots>…</span><span id=more {}>PANEL</span></p><button onclick='f()' id=myBtn>Read more</button>"
    ),
    "more behind": "<div class=text-full {}>PANEL</div><a href='#' class=show-more>Show more</a>",
    "rows": "<table><tr><th>h<th>i<tr><td><button aria-expanded=false>Q</button><td>1<tr {}><td>PANEL<td>2</table>",
    "footnotes": "<p>a<a epub:type=noteref href='#x'>1</a></p><aside id=x role=doc-footnote {}>PANEL</aside>",
    "mediawiki": "<div class='mw-collapsible'><p>a</p><div class=mw-collapsible-content {}>PANEL</div></div>",
    "mediawiki rows": "<table class=mw-collapsible><tr><th>h<th>i<tr {}><td>PANEL<td>2</table>",
    "wrapped": (
        "<div role=button aria-controls=x>Q</div><p>a</p><div class=a {}><div><div><div role=region id=x>PANEL</div>"
        "</div></div></div>"
    ),
    "vuetify": (
        "<div class=v-expansion-panel><button class=v-expansion-panel-title>Q</button>"
        "<div class=v-expansion-panel-text {}>PANEL</div></div>"
    ),
    "amp": "<amp-accordion><section><h4>Q</h4><div {}>PANEL</div></section></amp-accordion>",
    "next sibling": "<div onclick=\"this.nextElementSibling.style.display='block'\">Q</div><div {}>PANEL</div>",
    "script toggle": "<b onclick='toggle(this)'>Q</b><div {}>PANEL</div>",
    "navframe": "<div class=NavFrame><div class=NavHead>Q</div><div class=NavContent {}>PANEL</div></div>",
    "phpbb": (
        "<div class=spoiler><input type=button value=Show onclick='toggle(this)'><div class=body {}>PANEL</div></div>"
    ),
    "label": "<label for=c data-target=x>Q</label><input type=checkbox id=c><p>a</p><div id=x {}>PANEL</div>",
}


@pytest.mark.parametrize("hides", HIDES[:3])
@pytest.mark.parametrize("page", OPENED.values(), ids=OPENED)
def test_what_a_control_opens_is_read(page, hides):
    visible, hidden = split(page.format(hides))
    assert ("PANEL" in visible, hidden) == (True, "")


@pytest.mark.parametrize(
    "page",
    [
        "<div id=x {}>PANEL</div>",
        "<div aria-controls=x>Q</div><div id=x {}>PANEL</div>",
        "<p data-target='#x'>Q</p><p>a</p><div id=x {}>PANEL</div>",
        "<button aria-describedby=x>Q</button><p>a</p><div id=x {}>PANEL</div>",
        "<a href='#x'>see below</a><p>a</p><div id=x {}>PANEL</div>",
        "<a href='page.html#x'>see there</a><p>a</p><div id=x {}>PANEL</div>",
        "<button aria-controls=x disabled>Q</button><p>a</p><div id=x {}>PANEL</div>",
        "<button aria-controls=x></button><p>a</p><div id=x {}>PANEL</div>",
        "<p hidden><button aria-controls=x>Q</button></p><p>a</p><div id=x {}>PANEL</div>",
        "<button aria-controls=x>Q</button><p>a</p><div {}>PANEL<p id=x>one</p></div>",
        "<p style='font-size:0'><button aria-controls=x>Q</button></p><p>a</p><div id=x {}>PANEL</div>",
        "<template><button aria-controls=x>Q</button></template><p>a</p><div id=x {}>PANEL</div>",
        "<div id=x {}>PANEL <button aria-controls=x>Q</button></div>",
        (
            "<div id=x {}>PANEL <button aria-controls=y>Q</button></div><div id=y {}>b "
            "<button aria-controls=x>Q</button></div>"
        ),
        (
            "<div class=accordion><h2><button aria-expanded=false aria-controls=y>Q</button></h2><div id=y>a"
            "</div></div><p {}>PANEL</p>"
        ),
        "<div class=accordion><h2><button aria-expanded=false>Q</button></h2><div hidden>a</div></div><p {}>PANEL</p>",
        "<h2>Heading</h2><p {}>PANEL</p>",
        "<dl><dt>Name</dt><dd {}>PANEL</dd></dl>",
        "<b onclick='buy(this)'>Q</b><div {}>PANEL</div>",
        "<x-card><h4>Q</h4><div {}>PANEL</div></x-card>",
        "<p>Text with <a href=/more>a link</a>.</p><p {}>PANEL</p>",
        "<div role=tabpanel {}>PANEL</div>",
        "<div class=carousel><p class=slide>a</p><p class=slide {}>PANEL</p></div>",
        "<p class=more {}>PANEL</p><p>More text.</p>",
        "<button popovertarget=y>Q</button><div id=x popover {}>PANEL</div>",
        "<button aria-controls=x>Q</button><div id=x style='font-size:0'>PANEL</div>",
        "<button aria-controls=x>Q</button><div id=x style='position:absolute;left:-9999px'>PANEL</div>",
        (
            "<div style='background:#fff'><button aria-controls=x>Q</button>"
            "<p id=x style='display:none;color:#fff'>PANEL</p></div>"
        ),
        "<button aria-expanded=false>Menu</button><ul {}><li><a href=/a>PANEL one</a><li><a href=/b>two words</a></ul>",
    ],
)  # fmt: skip
def test_what_nothing_on_the_page_opens_stays_hidden(page):
    visible, hidden = split(page.format("hidden", "hidden"))
    assert ("PANEL" in visible, "PANEL" in hidden) == (False, True)


def test_a_dialog_that_nothing_opens_is_left_out():
    assert "PANEL" not in "".join(split("<dialog id=x>PANEL</dialog><div role=dialog>PANEL</div><button>Buy</button>"))


@pytest.mark.parametrize(
    "page",
    [
        (
            "<button aria-controls=x>Q</button><div id=x hidden>one<button aria-controls=y>R</button>"
            "<div id=y hidden>two</div></div>"
        ),
        (
            "<div id=y hidden>two</div><div id=x hidden>one<button aria-controls=y>R</button></div>"
            "<button aria-controls=x>Q</button>"
        ),
    ],
)
def test_a_control_inside_a_part_counts_once_that_part_is_opened(page):
    visible, hidden = split(page)
    assert ("one" in visible, "two" in visible, hidden) == (True, True, "")


def test_hidden_text_inside_an_opened_part_stays_hidden():
    visible, hidden = split(
        "<button aria-controls=x>Q</button><div id=x hidden><p>seen</p><p style='font-size:0'>not</p></div>"
    )
    assert ("seen" in visible, hidden) == (True, "not")


@pytest.mark.parametrize(
    ("rules", "seen"),
    [
        (".panel{display:none} #c:checked ~ .panel{display:block}", True),
        (".panel{display:none} .note:target{display:block}", True),
        (".panel{display:none} .item:hover .note{visibility:visible}", True),
        (".panel{display:none}", False),
        (".panel{display:none} .note{display:inline-block}", False),
        (".panel{display:none} .menu:hover .item{display:block}", False),
    ],
)
def test_rules_that_show_in_a_state_of_the_page_open(rules, seen):
    visible, _ = split(
        f"<style>{rules}</style><input type=checkbox id=c><label for=c>Q</label><p class='panel note'>PANEL</p>"
    )
    assert ("PANEL" in visible) is seen


def test_answers_stand_below_their_questions():
    page = (
        "<h1>T</h1><div class=acc><h2><button aria-expanded=false aria-controls=p>One?</button></h2>"
        "<div id=p hidden><p>First</p></div>"
        "<h2 class=accordion-title>Two?</h2><div class=accordion-body style='display:none'>Second</div></div>" + FILLER
    )
    document = parsed(html, page)
    assert headings(document) == [(1, "T"), (2, "One?"), (2, "Two?")]
    assert [text for _, text in shown(document)][1:5] == ["One?", "First", "Two?", "Second"]


def test_the_button_that_heads_a_panel_is_read():
    visible, _ = split("<button class=accordion>Question</button><div class=panel style='display:none'>A</div>")
    assert visible[:10] == "Question\nA"


@pytest.mark.parametrize(
    "page",
    [
        "<button class=accordion-title>Question</button><div>A</div>",
        "<button data-bs-toggle=tab data-bs-target='#x'>Question</button><div id=x>A</div>",
        "<button class=collapsible>Question</button><div style='max-height:0;overflow:hidden'>A</div>",
    ],
)
def test_a_button_that_heads_a_part_which_is_not_closed_is_read(page):
    assert split(page)[0][:10] == "Question\nA"


def test_other_buttons_are_not_read():
    assert "PRESS" not in split("<button class=btn data-toggle=modal>PRESS</button><button>PRESS</button>")[0]


def test_buttons_beside_each_other_are_words_apart():
    assert "One Two" in split("<button aria-controls=x>One</button><button aria-controls=y>Two</button>")[0]


@pytest.mark.parametrize(
    "unit",
    [
        "<div hidden><div><div><p id=x>p</p></div></div></div><button aria-controls=x>Q</button>",
        "<button aria-controls=x>Q</button><div id=x hidden>p</div>",
        "<div class=slide hidden>p</div>",
        "<a href='#x'>Q</a>",
        "<dt>Q</dt><dd class=faq hidden>p</dd>",
        "<button @click='o=1'>Q</button><p x-show=o hidden>p</p>",
        "<b data-tab=1 class=tab hidden>p</b>",
        "<p hidden><button aria-controls=x>Q</button></p>",
        "<div role=tab>Q</div><div role=tabpanel hidden>p</div>",
        "<style>.a:hover ~ .b{display:block}.c{display:none}</style>x",
    ],
)
def test_work_grows_with_the_size_of_a_page(unit):
    small, large = (
        calls_of(lambda n=n: parsed(html, f"x<div id=x hidden class=faq>y</div>{unit * n}")) for n in (250, 1000)
    )
    assert large < 6 * small


@pytest.mark.parametrize("hides", HIDES)
@pytest.mark.parametrize(("page", "script"), SCRIPTED.values(), ids=SCRIPTED)
def test_what_a_script_of_the_page_opens_with_a_click_is_read(page, script, hides):
    visible, hidden = split(f"{page.format(hides)}<script>{script}</script>")
    assert ("PANEL" in visible, "PANEL" in hidden) == (True, False)


@pytest.mark.parametrize(("page", "script"), NOT_SCRIPTED.values(), ids=NOT_SCRIPTED)
def test_what_no_script_of_the_page_opens_with_a_click_stays_hidden(page, script):
    visible, hidden = split(f"{page.format('hidden')}<script>{script}</script>")
    assert ("PANEL" in visible, "PANEL" in hidden) == (False, True)


def test_a_dialog_that_is_open_is_read():
    assert split("<dialog open><p>PANEL</p></dialog>")[0].startswith("PANEL")


def test_declarative_shadow_trees_are_read_and_other_templates_are_not():
    shadow = "<my-card><template shadowrootmode=open><p>PANEL</p></template></my-card>"
    visible, hidden = split(f"{shadow}<template><p>pattern</p></template>")
    assert ("PANEL" in visible, "pattern" in visible + hidden) == (True, False)


def test_what_a_rule_with_escaped_signs_shows_on_wide_screens_is_read():
    rules = ".hidden{display:none} @media (min-width:768px){.md\\:block{display:block}}"
    visible, hidden = split(f"<style>{rules}</style><p class='hidden md:block'>PANEL</p><p class=hidden>GONE</p>")
    assert ("PANEL" in visible, "GONE" in hidden) == (True, True)
