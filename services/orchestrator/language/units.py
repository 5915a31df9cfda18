"""Units of measure by the names people say and type, and the names pint knows them by."""

from dataclasses import dataclass

from services.orchestrator.language.words import Tokens


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit that can be said."""

    name: str
    """What pint calls it; also the argument on the wire."""
    one: str
    many: str
    kind: str
    """Units of one kind can be converted into each other."""

    def spoken(self, value: float) -> str:
        """ "1 foot", "2 feet", "0.5 feet" take the right form."""
        return self.one if value == 1 else self.many


_TABLE: dict[str, str] = {
    # kind: pint name = one, many, other names…; in order of how people meet them
    "length": """
        meter = meter, meters, metre, metres, m
        kilometer = kilometer, kilometers, kilometre, kilometres, km, kms, k m, klick, klicks
        centimeter = centimeter, centimeters, centimetre, centimetres, cm, cms
        millimeter = millimeter, millimeters, millimetre, millimetres, mm
        micrometer = micrometer, micrometers, micron, microns
        nanometer = nanometer, nanometers, nm
        mile = mile, miles, mi
        yard = yard, yards, yd, yds
        foot = foot, feet, ft
        inch = inch, inches
        nautical_mile = nautical mile, nautical miles
        light_year = light year, light years, lightyear, lightyears
        astronomical_unit = astronomical unit, astronomical units, au
        furlong = furlong, furlongs
        fathom = fathom, fathoms""",
    "area": """
        meter**2 = square meter, square meters, square metre, square metres, m squared, meters squared, m2
        kilometer**2 = square kilometer, square kilometers, square kilometre, square kilometres
        foot**2 = square foot, square feet, feet squared, sq ft
        inch**2 = square inch, square inches
        yard**2 = square yard, square yards
        mile**2 = square mile, square miles
        acre = acre, acres
        hectare = hectare, hectares, ha""",
    "volume": """
        liter = liter, liters, litre, litres, l
        milliliter = milliliter, milliliters, millilitre, millilitres, ml, mls, ml 's
        centiliter = centiliter, centiliters, centilitre, centilitres, cl
        deciliter = deciliter, deciliters, decilitre, decilitres, dl
        cup = cup, cups
        pint = pint, pints
        quart = quart, quarts
        gallon = gallon, gallons, us gallon, us gallons, gal
        imperial_gallon = imperial gallon, imperial gallons
        imperial_pint = imperial pint, imperial pints
        tablespoon = tablespoon, tablespoons, table spoon, table spoons, tbsp
        teaspoon = teaspoon, teaspoons, tea spoon, tea spoons, tsp
        fluid_ounce = fluid ounce, fluid ounces, fl oz
        oil_barrel = barrel, barrels
        meter**3 = cubic meter, cubic meters, cubic metre, cubic metres
        centimeter**3 = cubic centimeter, cubic centimeters, cc
        foot**3 = cubic foot, cubic feet
        inch**3 = cubic inch, cubic inches""",
    "mass": """
        gram = gram, grams, gramme, grammes, g
        kilogram = kilogram, kilograms, kilo, kilos, kg, kgs
        milligram = milligram, milligrams, mg
        microgram = microgram, micrograms, mcg
        metric_ton = metric ton, metric tons, tonne, tonnes
        pound = pound, pounds, lb, lbs
        ounce = ounce, ounces, oz
        stone = stone, stone, stones
        ton = ton, tons, us ton, us tons, short ton, short tons
        carat = carat, carats""",
    "temperature": """
        degC = degree Celsius, degrees Celsius, celsius, celcius, centigrade, degrees centigrade, degrees c, c, ° c
        degF = degree Fahrenheit, degrees Fahrenheit, fahrenheit, farenheit, degrees f, f, ° f
        kelvin = kelvin, kelvin, kelvins, degrees kelvin, k""",
    "time": """
        second = second, seconds, sec, secs, s
        millisecond = millisecond, milliseconds, ms
        minute = minute, minutes, min, mins
        hour = hour, hours, hr, hrs, h
        day = day, days
        week = week, weeks
        fortnight = fortnight, fortnights
        month = month, months
        year = year, years, yr, yrs
        decayear = decade, decades
        century = century, centuries""",
    "speed": """
        mile/hour = mile per hour, miles per hour, mile an hour, miles an hour, mph
        kilometer/hour = kilometer per hour, kilometers per hour, kilometre per hour, kilometres per hour,
            kilometers an hour, km / h, kmh, kph, km per hour
        meter/second = meter per second, meters per second, metre per second, metres per second, m / s
        foot/second = foot per second, feet per second, ft / s
        knot = knot, knots""",
    "fuel use": """
        mile/gallon = mile per gallon, miles per gallon, mpg, miles a gallon, miles to the gallon, m p g
        mile/imperial_gallon = mile per imperial gallon, miles per imperial gallon
        kilometer/liter = kilometer per liter, kilometers per liter, kilometres per litre, kilometers a liter
        liter_per_100_kilometers = liter per hundred kilometers, liters per hundred kilometers, l / 100 km,
            litres per hundred kilometres, liters per one hundred kilometers, liters per 100 kilometers,
            liters per 100 km, litres per 100 km""",
    "data": """
        byte = byte, bytes
        bit = bit, bits
        kilobyte = kilobyte, kilobytes, kb
        megabyte = megabyte, megabytes, mb, megs
        gigabyte = gigabyte, gigabytes, gb, gigs
        terabyte = terabyte, terabytes, tb
        petabyte = petabyte, petabytes
        kibibyte = kibibyte, kibibytes, kib
        mebibyte = mebibyte, mebibytes, mib
        gibibyte = gibibyte, gibibytes, gib
        megabit = megabit, megabits
        gigabit = gigabit, gigabits""",
    "energy": """
        joule = joule, joules, j
        kilojoule = kilojoule, kilojoules, kj
        calorie = small calorie, small calories
        kilocalorie = kilocalorie, kilocalories, kcal, calorie, calories
        kilowatt_hour = kilowatt hour, kilowatt hours, kwh
        watt_hour = watt hour, watt hours, wh
        british_thermal_unit = british thermal unit, british thermal units, btu, btus""",
    "power": """
        watt = watt, watts, w
        kilowatt = kilowatt, kilowatts, kw
        megawatt = megawatt, megawatts
        horsepower = horsepower, horsepower, horse power, hp""",
    "pressure": """
        pascal = pascal, pascals
        kilopascal = kilopascal, kilopascals, kpa
        hectopascal = hectopascal, hectopascals, hpa
        bar = bar, bars
        millibar = millibar, millibars
        psi = pound per square inch, pounds per square inch, psi
        atmosphere = atmosphere, atmospheres, atm""",
    "angle": """
        degree = degree, degrees, °
        radian = radian, radians
        turn = turn, turns""",
}

OWN_UNITS = ("liter_per_100_kilometers = 0.01 * liter / kilometer",)
"""Names above that pint does not know, in its own words."""


def _read_table() -> dict[Tokens, Unit]:
    names: dict[Tokens, Unit] = {}
    for kind, lines in _TABLE.items():
        for line in lines.replace(",\n", ",").strip().splitlines():
            name, _, said = line.partition(" = ")
            spoken = [part.strip() for part in said.split(",")]
            unit = Unit(name.strip(), spoken[0], spoken[1], kind)
            for form in (*spoken, unit.name):
                names.setdefault(tuple(form.lower().split()), unit)
    return names


NAMES = _read_table()
"""By the words of a name; "calories" are what food labels mean, a thousand small ones."""

_OUNCE_OF_VOLUME = NAMES[("fluid", "ounce")]
_DEGREES = {"degC": NAMES[("fahrenheit",)], "degF": NAMES[("celsius",)]}


def read_unit(tokens: Tokens) -> Unit | None:
    """The unit that all of `tokens` name, or None."""
    return NAMES.get(tokens)


def unit_named(name: str) -> Unit | None:
    """The unit that a tool's argument names: pint's name or a spoken one."""
    return NAMES.get((name,)) or NAMES.get(tuple(name.lower().split()))


def settle(unit: Unit, other: Unit) -> Unit:
    """What `unit` means beside `other`: an ounce beside a cup is fluid, degrees beside Celsius are Fahrenheit's."""
    if unit.name == "ounce" and other.kind == "volume":
        return _OUNCE_OF_VOLUME
    if unit.name == "degree" and other.name in _DEGREES:
        return _DEGREES[other.name]
    return unit
