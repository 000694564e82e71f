#!/usr/bin/env bats
#
# pictures.bats - the pictures of the text are those that scripts/pictures
# draws.

load helpers

@test "the pictures are what scripts/pictures draws from the traces" {
    run "$TOP/scripts/pictures" --check
    echo "$output"
    [ "$status" -eq 0 ]
    [ -z "$output" ]
}

@test "a picture that differs from its data, or is missing, is reported" {
    local copy=$BATS_TEST_TMPDIR/copy
    mkdir -p "$copy/walkthrough"
    cp -r "$TOP/scripts" "$TOP/demos" "$copy"
    cp -r "$TOP/walkthrough/pictures" "$copy/walkthrough"
    ln -s "$BUILD" "$copy/build"
    ln -s "$TOP/tests" "$copy"
    sed -i 's/client 2/client 4/' "$copy/walkthrough/pictures/timelines.svg"
    sed -i '2s/ - .*/ - another idea./' "$copy/demos/05-poll.c"
    rm "$copy/walkthrough/pictures/lists.svg"
    sed -i 's/15 unread/16 unread/' "$copy/walkthrough/pictures/buffers.svg"
    run "$copy/scripts/pictures" --check
    echo "$output"
    [ "$status" -eq 1 ]
    [ "${#lines[@]}" -eq 4 ]
    [[ $output == *timelines.svg*lists.svg*buffers.svg*ladder.svg* ]]
    "$copy/scripts/pictures"
    "$copy/scripts/pictures" --check
    grep -q 'another idea' "$copy/walkthrough/pictures/ladder.svg"
}

@test "each picture is XML with a title and no reference, and is small" {
    python3 -IB - "$TOP"/walkthrough/pictures/*.svg <<'END'
import os
import sys
import xml.etree.ElementTree as tree

assert len(sys.argv) == 6, sys.argv
for path in sys.argv[1:]:
    root = tree.parse(path).getroot()
    svg = "{http://www.w3.org/2000/svg}"
    assert root.tag == svg + "svg" and int(root.get("width")) <= 760, path
    for name in ("title", "desc", "style"):
        assert root.findtext(svg + name, "").strip(), (path, name)
    assert "prefers-color-scheme:dark" in root.findtext(svg + "style"), path
    tags = {element.tag[len(svg):] for element in root.iter()}
    assert tags <= {"svg", "title", "desc", "style", "rect", "path", "circle",
                    "text"}, (path, tags)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    assert not [
        word for word in ("url(", "href", "@import") if word in text], path
    assert os.path.getsize(path) <= 30 * 1024, path
END
}

@test "every picture is shown on a page, with an alt text" {
    local path
    for path in "$TOP"/walkthrough/pictures/*.svg; do
        cat "$TOP"/README.md "$TOP"/walkthrough/*.md | tr '\n' ' ' |
            grep -qE "!\[[^]]{40,}\]\((walkthrough/)?pictures/${path##*/}\)"
    done
}
