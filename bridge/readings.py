"""Signs, units and dates as an English voice should read them."""

import re
from collections.abc import Callable
from datetime import date

UNITS: dict[str, tuple[str, str]] = {
    "°C": ("degree Celsius", "degrees Celsius"),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit"),
    "°": ("degree", "degrees"),
    "%": ("percent", "percent"),
    "km/h": ("kilometer per hour", "kilometers per hour"),
    "mph": ("mile per hour", "miles per hour"),
    "m/s": ("meter per second", "meters per second"),
    "km": ("kilometer", "kilometers"),
    "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"),
    "µm": ("micrometer", "micrometers"),
    "nm": ("nanometer", "nanometers"),
    "m²": ("square meter", "square meters"),
    "km²": ("square kilometer", "square kilometers"),
    "m³": ("cubic meter", "cubic meters"),
    "m": ("meter", "meters"),
    "kg": ("kilogram", "kilograms"),
    "mg": ("milligram", "milligrams"),
    "µg": ("microgram", "micrograms"),
    "g": ("gram", "grams"),
    "lb": ("pound", "pounds"),
    "lbs": ("pound", "pounds"),
    "oz": ("ounce", "ounces"),
    "ml": ("milliliter", "milliliters"),
    "mL": ("milliliter", "milliliters"),
    "l": ("liter", "liters"),
    "L": ("liter", "liters"),
    "ms": ("millisecond", "milliseconds"),
    "kB": ("kilobyte", "kilobytes"),
    "MB": ("megabyte", "megabytes"),
    "GB": ("gigabyte", "gigabytes"),
    "TB": ("terabyte", "terabytes"),
    "kWh": ("kilowatt hour", "kilowatt hours"),
    "kW": ("kilowatt", "kilowatts"),
    "hPa": ("hectopascal", "hectopascals"),
}

MONEY = {
    "$": ("dollar", "dollars"),
    "€": ("euro", "euros"),
    "£": ("pound", "pounds"),
    "¥": ("yen", "yen"),
    "US$": ("dollar", "dollars"),
    "USD": ("dollar", "dollars"),
    "EUR": ("euro", "euros"),
    "GBP": ("pound", "pounds"),
    "JPY": ("yen", "yen"),
    "CHF": ("franc", "francs"),
}
"""Before the amount or behind it."""

MAGNITUDES = {
    "k": "thousand",
    "K": "thousand",
    "M": "million",
    "m": "million",
    "B": "billion",
    "bn": "billion",
}
"""Behind an amount of money: "$1.2M"."""

SIGNS = {
    "≈": "about",
    "±": "plus or minus",
    "×": "times",
    "÷": "divided by",
    "→": "to",
    "&": "and",
    "=": "equals",
    "≤": "at most",
    "≥": "at least",
    "@": "at",
}

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip

NUMBER = r"\d+(?:[.,]\d+)*"
LONGEST_FIRST = sorted(UNITS, key=len, reverse=True)
WITH_UNIT = re.compile(rf"(?<![\w.,])({NUMBER})\s?({'|'.join(map(re.escape, LONGEST_FIRST))})(?![\w/²³])")
CURRENCY = "|".join(map(re.escape, sorted(MONEY, key=len, reverse=True)))
MAGNITUDE = "|".join(MAGNITUDES)
WITH_MONEY = re.compile(rf"(?<!\w)({CURRENCY})\s?({NUMBER})({MAGNITUDE})?(?![\w%])")
MONEY_BEHIND = re.compile(rf"(?<![\w.,])({NUMBER})({MAGNITUDE})?\s?({CURRENCY})(?!\w)")
DAY = re.compile(
    r"\b(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?(?![\w-])"
)
SCIENTIFIC = re.compile(r"\b(\d+(?:\.\d+)?)[eE]([+-]?)0*(\d+)\b")
MINUS = re.compile(r"(?<![\w.,)])[-−](?=\d)")
RANGE = re.compile(r"(?<=\d)\s?–\s?(?=\d)")
COMPARED = re.compile(r"(?<=\w) ([<>]) (?=\w)")
NUMBERED = re.compile(r"(?<!\S)#(?=\d)")
JOINED = re.compile(r"(?<=\w)_+(?=\w)")
"""As in names of fields and files: `total_count`."""
SIGN = re.compile("|".join(map(re.escape, SIGNS)))


def read_out(text: str) -> str:
    """`text` with its signs, units, amounts and ISO dates in words; plain numbers stay as they are."""
    steps: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
        (DAY, _day),
        (SCIENTIFIC, lambda m: f"{m[1]} times 10 to the {'minus ' if m[2] == '-' else ''}{m[3]}"),
        (WITH_MONEY, lambda m: _amount(m[2], m[3], MONEY[m[1]])),
        (MONEY_BEHIND, lambda m: _amount(m[1], m[2], MONEY[m[3]])),
        (WITH_UNIT, lambda m: f"{m[1]} {_form(m[1], UNITS[m[2]])}"),
        (MINUS, "minus "),
        (RANGE, " to "),
        (COMPARED, lambda m: " less than " if m[1] == "<" else " more than "),
        (NUMBERED, "number "),
        (JOINED, " "),
        (SIGN, lambda m: f" {SIGNS[m[0]]} "),
    )
    for pattern, reading in steps:
        text = pattern.sub(reading, text)
    return text


def _amount(number: str, magnitude: str | None, unit: tuple[str, str]) -> str:
    """`1.2`, `M` as "1.2 million dollars"."""
    return f"{number} {MAGNITUDES[magnitude]} {unit[1]}" if magnitude else f"{number} {_form(number, unit)}"


def _form(number: str, unit: tuple[str, str]) -> str:
    return unit[0] if number == "1" else unit[1]


def _day(found: re.Match[str]) -> str:
    """`2026-11-21T07:41:00Z` as "November 21, 2026 at 07:41 UTC"; what is no date stays."""
    year, month, day, clock, zone = found.groups()
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return found[0]
    said = f"{MONTHS[int(month) - 1]} {int(day)}, {int(year)}"
    if clock:
        said += f" at {clock}" + (" UTC" if zone == "Z" else "")
    return said
