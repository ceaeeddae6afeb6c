"""What visitors of the page do, in a real browser."""

import re

WRITING = """() => {
  const it = document.querySelector('#chat [data-testid=bot] .message-content');
  return it && !it.innerText.startsWith('Looking');
}"""


def drop(tab, file):
    """Uploads a file, and waits for its frames or for the reason why there are none."""
    tab.locator("#upload input[type=file]").set_input_files(file)
    tab.locator("#sheet img, #problem p").first.wait_for()


def ask(tab, question):
    """Types a question, presses Enter and waits for the whole answer; gives its basis."""
    basis = tab.get_by_text(re.compile("answered in|用时"))
    before = basis.count()
    tab.locator("#question textarea").fill(question)
    tab.keyboard.press("Enter")
    basis.nth(before).wait_for()
    return basis.nth(before).inner_text()


def stop_while_it_writes(tab):
    """Waits for the first words of an answer, and stops it there."""
    tab.wait_for_function(WRITING)
    assert tab.get_by_text("answered in").count() == 0
    button(tab, "Stop").click()
    tab.get_by_text("stopped after").wait_for()


def cut(tab, query, seconds):
    """Cuts what fits a query out of the open file, and waits until the cut can be played."""
    tab.get_by_role("button", name="Cut out the best moments").click()
    tab.locator("#cut-query textarea").fill(query)
    tab.locator("#cut-seconds input").fill(str(seconds))
    button(tab, "Cut").click()
    tab.locator("#cut-shown video").wait_for()
    played = "document.querySelector('#cut-shown video').duration"
    tab.wait_for_function(f"() => {played} > {seconds * 2 / 3}")


def button(tab, name):
    return tab.get_by_role("button", name=name, exact=True)
