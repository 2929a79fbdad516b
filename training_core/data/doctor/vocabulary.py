"""English words that checks of captions treat specially."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


STOP = _words("""
    a an the and or of in on at to with is are was be by for from as it its this that these those his her their he she
    they there has have while into over under very
""")
"""Words left out of the most frequent ones, as they say nothing about a picture."""

COMMON = _words("""
    hair hat hats chair bow box boy girl boys girls shirt skirt short shorts shoe shoes shot boot boots sock socks ring
    rings wing wings king light night right sight bright high eye eyes ear ears year tie tied tail nail nails sail bag
    bags flag cat bat rat dog dogs fog frog hand hands band land sand standing stand sitting lying flying crying
    walking talking looking cooking smile smiling book look hook rock clock black blank back block blue glue green
    screen red bed head read white while brown crown gold cold bold old long song wrong pink wink purple grey gray day
    one two three open closed side inside outside indoors outdoors above below left front up down city sky ski sun run
    gun bun moon room sea tea tree street sheet rain train snow show window shadow dress cross glass grass gloves
    lovers cover cape cap cup coat goat boat float jacket racket blanket basket belt bell ball wall fall small tall
    large medium male female man men woman women wear bear beard bird bread braid braids bangs fang fangs sword word
    fire wire water flower flowers tower power leaf leaves sleeve sleeves sleeveless mouth month heart earth face lace
    necklace nose rose pose toes collar color ribbon star stars scar scarf horn horns corn mask task arm arms army leg
    legs knee knees neck deck school stool pool
""")
"""Words one letter away from another good word (shirt, skirt): they are never taken for a misspelling."""
