"""Make the sample files of the examples, and the inputs of each spell from them.

Run it from anywhere; it writes beside itself and into the example folders. It needs
only the standard library and gives the same picture and table each time.
"""

# A script beside its files, whose chance must be the same each time:
# ruff: noqa: INP001, S311

import base64
import csv
import datetime as dt
import io
import json
import math
import random
import struct
import zlib
from pathlib import Path

FILES = Path(__file__).resolve().parent
EXAMPLES = FILES.parent

PICTURE_WIDTH, PICTURE_HEIGHT = 480, 320
SUN_RADIUS = 0.085

ORDER_ROWS = 500
ORDER_COLUMNS = ("order_id", "day", "country", "product", "quantity", "price", "weight_kg", "note")
PRODUCTS = ("Kettle", "Lamp", "Notebook, ruled", "Teapot", "Crème brûlée set")
NOTES = ("Gift wrap, please", 'Says "leave at the door"', "Call first;\nthen ring")
SHARE_NOT_WEIGHED = 0.06
SHARE_WITH_NOTE = 0.4

Colour = tuple[float, float, float]


def main() -> None:
    """Write every file, then every spell's sample input."""
    picture = encode_png(PICTURE_WIDTH, PICTURE_HEIGHT, draw_picture())
    (FILES / "picture.png").write_bytes(picture)
    orders = make_orders()
    (FILES / "orders.csv").write_text(orders, encoding="utf-8", newline="")
    document = (FILES / "platform.md").read_text(encoding="utf-8")
    write_inputs("markdown", {"markdown": document, "full_page": True})
    write_inputs("thumbnail", {"png_base64": base64.b64encode(picture).decode(), "width": 160})
    write_inputs("table", {"csv": orders})
    by_country = {"group_by": "country", "value": "price", "over": "day"}
    write_inputs("trends", {"csv": orders, **by_country})


def write_inputs(spell: str, inputs: dict[str, object]) -> None:
    """Write the input that `spell cast` sends."""
    text = json.dumps(inputs, ensure_ascii=False, indent=2) + "\n"
    (EXAMPLES / spell / "inputs.json").write_text(text, encoding="utf-8", newline="")


def draw_picture() -> bytes:
    """Paint hills under an evening sky, as rows of RGB samples."""
    grain = random.Random(1)
    samples = bytearray()
    for y in range(PICTURE_HEIGHT):
        for x in range(PICTURE_WIDTH):
            colour = paint(x / PICTURE_WIDTH, y / PICTURE_HEIGHT)
            noise = grain.uniform(-1.5, 1.5)
            samples += bytes(max(0, min(255, round(part + noise))) for part in colour)
    return bytes(samples)


def paint(x: float, y: float) -> Colour:
    """Give the colour of one point; both sides of the picture have length 1."""
    colour = mix((24, 32, 74), (247, 178, 120), min(1.0, y / 0.7))
    distance = math.hypot((x - 0.68) * 1.5, y - 0.44)
    colour = mix((255, 236, 190), colour, min(1.0, distance / 0.34) ** 0.5)
    if distance < SUN_RADIUS:
        colour = (255, 244, 214)
    for layer in range(4):
        ridge = 0.56 + 0.1 * layer + hill(x, layer)
        if y > ridge:
            near = mix((116, 92, 128), (20, 44, 46), layer / 3)
            colour = mix(near, (250, 200, 150), max(0.0, 0.25 - (y - ridge) * 2) * (1 - layer / 4))
    return colour


def hill(x: float, layer: int) -> float:
    """Give the height of a ridge; each layer is rougher than the one behind it."""
    return sum(
        0.05 / wave * math.sin(wave * (3 + layer) * x + 1.7 * layer * wave) for wave in range(1, 5)
    )


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Blend two colours; a share of 0 gives the first, 1 the second."""
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue


def encode_png(width: int, height: int, samples: bytes) -> bytes:
    """Pack RGB samples as a PNG, each row as its difference from the row above."""
    stride = width * 3
    rows = bytearray()
    above = bytes(stride)
    for start in range(0, height * stride, stride):
        row = samples[start : start + stride]
        rows.append(2)
        rows += bytes((byte - up) & 0xFF for byte, up in zip(row, above, strict=True))
        above = row
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(encode_chunk(name, body) for name, body in chunks)


def encode_chunk(name: bytes, body: bytes) -> bytes:
    """Frame one chunk with its length and checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def make_orders() -> str:
    """Write a shop's orders as CSV, with the gaps and quotes that real ones have."""
    chance = random.Random(7)
    first_day = dt.date(2025, 1, 1)
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerow(ORDER_COLUMNS)
    for number in range(ORDER_ROWS):
        day = first_day + dt.timedelta(days=number // 2)
        country = chance.choices(("DE", "FR", "JP", "BR", "US"), weights=(5, 4, 2, 1, 6))[0]
        product = chance.choice(PRODUCTS)
        quantity = min(20, 1 + int(chance.expovariate(0.6)))
        price = f"{chance.lognormvariate(3, 0.6):.2f}"
        weighed = chance.random() >= SHARE_NOT_WEIGHED
        weight = f"{chance.uniform(0.1, 4):.3f}" if weighed else ""
        note = chance.choice(NOTES) if chance.random() < SHARE_WITH_NOTE else ""
        writer.writerow((10_000 + number, day, country, product, quantity, price, weight, note))
    return lines.getvalue()


if __name__ == "__main__":
    main()
