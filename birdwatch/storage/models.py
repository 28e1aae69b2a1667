"""The small tables as Tortoise models: people and their keys, species, sites, windows.

The versioned tables (photo facts, surveys, sightings), the ledger and the daily counts are read
and written by plain SQL: keyset pages, partial indexes and set-based recounts are their point.
No model leaves storage.
"""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model


class Species(Model):
    """A row of the taxonomy; lists are JSON."""

    code = fields.CharField(max_length=200, primary_key=True)
    rank = fields.TextField()
    scientific_name = fields.TextField()
    name_zh = fields.TextField()
    name_en = fields.TextField()
    aliases = fields.TextField()
    synonyms = fields.TextField()
    pinyin_initials = fields.TextField()
    family = fields.TextField()
    family_zh = fields.TextField()
    order_name = fields.TextField()
    order_zh = fields.TextField()
    is_shorebird = fields.BooleanField()
    iucn = fields.TextField(null=True)
    protection_cn = fields.TextField(null=True)
    one_percent = fields.BigIntField(null=True)
    one_percent_source = fields.TextField(null=True)
    sort = fields.BigIntField()

    class Meta:
        table = "species"


class Site(Model):
    """A count sector; its geometry is GeoJSON."""

    id = fields.CharField(max_length=200, primary_key=True)
    name_zh = fields.TextField()
    name_en = fields.TextField()
    geometry = fields.TextField(null=True)
    is_outline = fields.BooleanField()
    is_approximate = fields.BooleanField()
    source = fields.TextField()
    sort = fields.BigIntField()

    class Meta:
        table = "site"


class SeasonWindow(Model):
    """A dated span within a season; days are MM-DD."""

    id = fields.CharField(max_length=200, primary_key=True)
    half_year = fields.TextField()
    name_zh = fields.TextField()
    name_en = fields.TextField()
    start_day = fields.TextField()
    end_day = fields.TextField()
    source_zh = fields.TextField()
    source_en = fields.TextField()
    sets_phase = fields.BooleanField()
    sort = fields.BigIntField()

    class Meta:
        table = "season_window"


class Person(Model):
    """An account."""

    id = fields.CharField(max_length=200, primary_key=True)
    login = fields.TextField()
    password_hash = fields.TextField()
    role = fields.TextField()
    name_zh = fields.TextField()
    name_en = fields.TextField()
    locale = fields.TextField()
    is_disabled = fields.BooleanField()
    created_at = fields.BigIntField()
    trust = fields.TextField()
    email = fields.TextField()
    credit = fields.TextField()
    default_license = fields.TextField(null=True)

    class Meta:
        table = "person"
