"""Pictures for the demo, drawn by our own hand: nobody's real car is shown."""

import io
import math

from PIL import Image, ImageDraw

FLOOR, WALL, GLASS, LIGHT, DARK = "#8b8d8e", "#d8d5cf", "#3a4650", "#f5e9b8", "#23282d"
PAINTS = ("#7d1f2b", "#23415f", "#4a5a4f", "#8f9499", "#c8c9c4")
SIZE = (960, 720)


def car(view: str, number: int) -> io.BytesIO:
    """A parked car from "front", "rear", "left" or "right"; for any other view its dashboard."""
    picture = Image.new("RGB", SIZE, WALL)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 500, *SIZE), fill=FLOOR)
    paint = PAINTS[number % len(PAINTS)]
    if view in ("front", "rear"):
        _end_on(draw, paint, LIGHT if view == "front" else "#b3262e")
    elif view in ("left", "right"):
        _side_on(draw, paint)
    else:
        _dashboard(draw)
    return as_jpeg(picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if view == "right" else picture)


def _end_on(draw: ImageDraw.ImageDraw, paint: str, lamp: str) -> None:
    draw.polygon([(330, 200), (630, 200), (700, 350), (260, 350)], fill=GLASS, outline=paint, width=14)
    draw.rounded_rectangle((210, 340, 750, 560), 50, fill=paint)
    for x in (240, 610):
        draw.rounded_rectangle((x, 390, x + 110, 440), 20, fill=lamp)
        draw.rounded_rectangle((x, 545, x + 110, 620), 14, fill=DARK)
    draw.rectangle((400, 470, 560, 505), fill="#f4f4f2", outline=DARK, width=3)


def _side_on(draw: ImageDraw.ImageDraw, paint: str) -> None:
    draw.polygon([(270, 380), (360, 260), (600, 260), (720, 380)], fill=paint)
    draw.polygon([(310, 375), (375, 280), (470, 280), (470, 375)], fill=GLASS)
    draw.polygon([(490, 375), (490, 280), (590, 280), (670, 375)], fill=GLASS)
    draw.rounded_rectangle((120, 370, 850, 530), 46, fill=paint)
    for x in (270, 690):
        draw.circle((x, 530), 82, fill=DARK)
        draw.circle((x, 530), 44, fill="#b9bcbf")


def _dashboard(draw: ImageDraw.ImageDraw) -> None:
    draw.rectangle((0, 0, *SIZE), fill=DARK)
    for x, turn in ((310, 215), (650, 300)):
        draw.circle((x, 360), 190, fill="#111417", outline="#59626a", width=8)
        for degrees in range(135, 406, 27):
            way = (math.cos(math.radians(degrees)), math.sin(math.radians(degrees)))
            draw.line([(x + way[0] * r, 360 + way[1] * r) for r in (150, 176)], fill="#e8eaec", width=6)
        needle = (x + math.cos(math.radians(turn)) * 130, 360 + math.sin(math.radians(turn)) * 130)
        draw.line([(x, 360), needle], fill="#e2572b", width=10)
        draw.circle((x, 360), 20, fill="#59626a")


def signature() -> io.BytesIO:
    """A line on glass."""
    picture = Image.new("RGB", (600, 200), "white")
    points = [(40 + x * 5, 100 + 55 * math.sin(x / 5) * math.cos(x / 17)) for x in range(104)]
    ImageDraw.Draw(picture).line(points, fill="#10202c", width=5, joint="curve")
    return as_jpeg(picture)


def worn_disc(number: int) -> io.BytesIO:
    """A brake disc under a work lamp, worn on one side."""
    picture = Image.new("RGB", (1600, 1200), "#2b2f33")
    draw = ImageDraw.Draw(picture)
    for radius in range(900, 0, -12):
        shade = 43 + (900 - radius) // 14
        draw.circle((800 + number % 3 * 60, 380), radius, fill=(shade, shade + 3, shade + 6))
    draw.circle((800, 640), 470, fill="#8d9399", outline="#565c62", width=14)
    for radius in range(300, 450, 9):
        draw.circle((800, 640), radius, outline="#767d84" if radius % 2 else "#a3a9af", width=2)
    draw.arc((348, 188, 1252, 1092), 150, 235, fill="#7a4a2c", width=34)
    draw.circle((800, 640), 210, fill="#5d646b", outline="#41474d", width=10)
    for x, y in ((800, 510), (924, 600), (876, 745), (724, 745), (676, 600)):
        draw.circle((x, y), 26, fill="#33383d")
    draw.circle((800, 640), 58, fill="#2e3338")
    return as_jpeg(picture)


def as_jpeg(picture: Image.Image) -> io.BytesIO:
    """The file of a picture, from its start."""
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=88)
    content.seek(0)
    return content
