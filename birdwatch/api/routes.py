"""The whole JSON interface, as a table. The OpenAPI document and the routes are both made of it."""

from __future__ import annotations

from starlette.routing import Route

from birdwatch.api import (
    contract,
    counts,
    photos,
    seasons,
    sightings,
    sites,
    species,
    surveys,
    windows,
)
from birdwatch.api.describe import describe, show_docs
from birdwatch.api.operations import PREFIX, Operation, routes_of
from birdwatch.domain.text import Text

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET", "/photos", photos.list_photos,
        Text("照片列表", "List photos"),
        contract.Photos, contract.PhotosQuery, is_table=True,
    ),
    Operation(
        "POST", "/photos", photos.post_photo,
        Text("上传一张照片；可附物种和数量", "Upload a photo, with species and number if known"),
        contract.ReceivedPhoto, contract.PhotoUploadQuery,
        status=201, scope="upload", takes_photo=True,
    ),
    Operation(
        "GET", "/photos/{id}", photos.get_photo,
        Text("一张照片", "One photo"),
        contract.Photo, contract.Query,
    ),
    Operation(
        "PATCH", "/photos/{id}", photos.patch_photo,
        Text("更正一张照片", "Correct a photo"),
        contract.Photo, body=contract.PhotoChangesIn, scope="upload",
    ),
    Operation(
        "DELETE", "/photos/{id}", photos.delete_photo,
        Text("撤下一张照片，须说明原因", "Withdraw a photo, with the reason"),
        query=contract.WithdrawQuery, status=204, scope="upload",
    ),
    Operation(
        "POST", "/photos/{id}/undo", photos.post_undo,
        Text("撤销最近一次更正", "Undo the last correction"),
        contract.Photo, scope="upload",
    ),
    Operation(
        "GET", "/photos/{id}/history", photos.get_photo_history,
        Text("更正的历史（仅所有者）", "History of corrections, for the owner"),
        contract.PhotoHistory, contract.Query, scope="read", is_table=True,
    ),
    Operation(
        "GET", "/surveys", surveys.list_surveys,
        Text("调查列表", "List surveys"),
        contract.Surveys, contract.SurveysQuery, is_table=True,
    ),
    Operation(
        "POST", "/surveys", surveys.post_survey,
        Text("提交一次调查及其记录", "Send a survey with its sightings"),
        contract.Survey, body=contract.SurveyIn, status=201, scope="count",
    ),
    Operation(
        "GET", "/surveys/{id}", surveys.get_survey,
        Text("一次调查", "One survey"),
        contract.Survey, contract.Query,
    ),
    Operation(
        "PUT", "/surveys/{id}", surveys.put_survey,
        Text("更正一次调查", "Put right a survey"),
        contract.Survey, body=contract.SurveyIn, scope="count",
    ),
    Operation(
        "DELETE", "/surveys/{id}", surveys.delete_survey,
        Text("撤回一次调查", "Withdraw a survey"),
        status=204, scope="count",
    ),
    Operation(
        "GET", "/sightings", sightings.list_sightings,
        Text("记录列表，含零记录", "List sightings, zeros included"),
        contract.Sightings, contract.SurveysQuery, is_table=True,
    ),
    Operation(
        "GET", "/counts", counts.list_counts,
        Text("按日、旬或季的数量", "Counts by day, dekad or season"),
        contract.Counts, contract.CountsQuery, is_table=True,
    ),
    Operation(
        "GET", "/seasons", seasons.list_seasons,
        Text("有记录的季节", "Seasons that hold anything"),
        contract.Seasons, contract.Query, is_table=True,
    ),
    Operation(
        "GET", "/seasons/{id}", seasons.get_season,
        Text("一个季节的汇总，附往年同季", "A season's summary, with earlier years beside it"),
        contract.Season, contract.Query, is_table=True,
    ),
    Operation(
        "GET", "/species", species.list_species,
        Text("物种列表；q 按任何名称查找", "List species; q finds by any name"),
        contract.SpeciesList, contract.SpeciesQuery, is_table=True,
    ),
    Operation(
        "GET", "/species/{id}", species.get_species,
        Text("一个物种", "One species"),
        contract.Species, contract.Query,
    ),
    Operation(
        "GET", "/sites", sites.list_sites,
        Text("调查地点", "List count sites"),
        contract.Sites, contract.Query, is_table=True,
    ),
    Operation(
        "GET", "/sites/{id}", sites.get_site,
        Text("一个地点", "One site"),
        contract.Site, contract.Query,
    ),
    Operation(
        "GET", "/windows", windows.list_windows,
        Text("窗口期及其来源", "List windows with their sources"),
        contract.Windows, contract.Query, is_table=True,
    ),
    Operation(
        "PATCH", "/windows/{id}", windows.patch_window,
        Text("修改窗口期日期（管理员）", "Change the dates of a window, for administrators"),
        contract.Window, body=contract.WindowChangesIn, needs_admin=True,
    ),
)  # fmt: skip

routes: list[Route] = [
    *routes_of(OPERATIONS),
    Route(f"{PREFIX}/openapi.json", describe(OPERATIONS)),
    Route(f"{PREFIX}/docs", show_docs(OPERATIONS)),
]
