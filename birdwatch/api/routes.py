"""The whole JSON interface, as a table. The OpenAPI document and the routes are both made of it."""

from __future__ import annotations

from starlette.routing import Route

from birdwatch.api import (
    change_contract,
    changes,
    clock_contract,
    clocks,
    contract,
    counts,
    draft_contract,
    drafts,
    job_contract,
    jobs,
    photos,
    quarantine,
    quarantine_contract,
    review,
    review_contract,
    seasons,
    sightings,
    sites,
    species,
    surveys,
    tide_contract,
    tides,
    track_contract,
    tracks,
    upload_contract,
    uploads,
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
        "POST", "/photos/edit", drafts.post_edit,
        Text("一次更正多张照片，逐张答复", "Correct many photos at once, with an answer for each"),
        draft_contract.PhotoAnswers, body=draft_contract.EditManyIn, scope="upload",
    ),
    Operation(
        "POST", "/photos/publish", drafts.post_publish,
        Text("一次提交多张草稿，逐张答复", "Publish many drafts at once, with an answer for each"),
        draft_contract.PhotoAnswers, body=draft_contract.PublishManyIn, scope="upload",
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
        "GET", "/drafts", drafts.list_own_drafts,
        Text("自己的草稿：只有自己能看到的照片", "One's own drafts: photos nobody else sees"),
        draft_contract.Drafts, draft_contract.DraftsQuery, scope="read",
    ),
    Operation(
        "OPTIONS", "/uploads", uploads.show_abilities,
        Text("断点续传（tus 1.0.0）的能力", "What resumable uploads (tus 1.0.0) can do here"),
    ),
    Operation(
        "GET", "/uploads", uploads.list_uploads,
        Text("自己未完成的上传", "One's own uploads that are not finished"),
        upload_contract.Uploads, upload_contract.UploadsQuery, scope="upload",
    ),
    Operation(
        "POST", "/uploads", uploads.post_upload,
        Text("开始一次断点续传（tus）", "Begin a resumable upload (tus)"),
        status=201, scope="upload", takes_bytes=uploads.PIECE,
    ),
    Operation(
        "POST", "/uploads/known", uploads.post_known,
        Text("这些文件中自己已上传过的", "Which of these files one has uploaded before"),
        upload_contract.Known, body=upload_contract.KnownIn, scope="upload",
    ),
    Operation(
        "OPTIONS", "/uploads/{id}", uploads.show_upload_abilities,
        Text("断点续传（tus 1.0.0）的能力", "What resumable uploads (tus 1.0.0) can do here"),
    ),
    Operation(
        "GET", "/uploads/{id}", uploads.get_upload,
        Text("一次上传的状态；HEAD 得到已收到的字节数", "The state of an upload; HEAD tells its offset"),
        upload_contract.Upload, contract.Query, scope="upload",
    ),
    Operation(
        "PATCH", "/uploads/{id}", uploads.patch_upload,
        Text("发送下一段（tus）", "Send the next piece (tus)"),
        status=204, scope="upload", takes_bytes=uploads.PIECE,
    ),
    Operation(
        "POST", "/uploads/{id}", uploads.post_override,
        Text("同 PATCH 或 DELETE，方法写在 X-HTTP-Method-Override", "PATCH or DELETE by X-HTTP-Method-Override"),
        status=204, scope="upload", takes_bytes=uploads.PIECE,
    ),
    Operation(
        "DELETE", "/uploads/{id}", uploads.delete_upload,
        Text("取消一次上传", "End an upload"),
        status=204, scope="upload",
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
        query=contract.WithdrawQuery, status=204, scope="count",
    ),
    Operation(
        "GET", "/sightings", sightings.list_sightings,
        Text("记录列表，含零记录", "List sightings, zeros included"),
        contract.Sightings, contract.SurveysQuery, is_table=True,
    ),
    Operation(
        "GET", "/counts", counts.list_counts,
        Text(
            "按日、旬或季的数量；CSV 中调查超过 12 次时只给次数，用 fields=surveys,set_aside 取全部编号",
            "Counts by day, dekad or season. CSV gives more than 12 surveys by number only;"
            " fields=surveys,set_aside names all",
        ),
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
        "GET", "/tides", tides.list_tides,
        Text("各地点的日出日落与潮汐", "Sun and tide of days at the count sites"),
        tide_contract.FieldDays, tide_contract.TidesQuery,
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
    Operation(
        "GET", "/review", review.list_queue,
        Text("等待审核的记录", "What waits for review"),
        review_contract.Queue, review_contract.QueueQuery, scope="review", is_table=True,
    ),
    Operation(
        "POST", "/review", review.post_decisions,
        Text("一次发布、询问或退回多条", "Publish, query or reject many records at once"),
        review_contract.Decided, body=review_contract.DecisionsIn, scope="review",
    ),
    Operation(
        "GET", "/photos/{id}/messages", review.list_photo_messages,
        Text("关于一条照片的对话（所有者和审核员）", "What was said of a photo, for its owner and reviewers"),
        review_contract.Messages, contract.Query, scope="upload", is_table=True,
    ),
    Operation(
        "POST", "/photos/{id}/messages", review.post_photo_message,
        Text("回答关于一条照片的问题", "Answer a question about a photo"),
        review_contract.Message, body=review_contract.MessageIn, status=201, scope="upload",
    ),
    Operation(
        "GET", "/surveys/{id}/messages", review.list_survey_messages,
        Text("关于一条调查的对话（所有者和审核员）", "What was said of a survey, for its owner and reviewers"),
        review_contract.Messages, contract.Query, scope="count", is_table=True,
    ),
    Operation(
        "POST", "/surveys/{id}/messages", review.post_survey_message,
        Text("回答关于一条调查的问题", "Answer a question about a survey"),
        review_contract.Message, body=review_contract.MessageIn, status=201, scope="count",
    ),
    Operation(
        "GET", "/sightings/{id}/messages", review.list_sighting_messages,
        Text("关于一条记录的对话（所有者和审核员）", "What was said of a sighting, for its owner and reviewers"),
        review_contract.Messages, contract.Query, scope="count", is_table=True,
    ),
    Operation(
        "POST", "/sightings/{id}/messages", review.post_sighting_message,
        Text("回答关于一条记录的问题", "Answer a question about a sighting"),
        review_contract.Message, body=review_contract.MessageIn, status=201, scope="count",
    ),
    Operation(
        "GET", "/photos/{id}/identifications", review.list_identifications,
        Text("为一张照片提名的物种（所有者和审核员）", "Names proposed for a photo, for its owner and reviewers"),
        review_contract.Identifications, contract.Query, scope="upload", is_table=True,
    ),
    Operation(
        "POST", "/photos/{id}/identifications", review.post_identification,
        Text("为一张照片提名物种", "Propose a name for a photo"),
        review_contract.Identification, body=review_contract.IdentificationIn, status=201,
        scope="upload",
    ),
    Operation(
        "POST", "/identifications/{id}", review.post_outcome,
        Text("采用或不采用一个提名", "Take a proposed name, or put it aside"),
        review_contract.Settled, body=review_contract.OutcomeIn, scope="upload",
    ),
    Operation(
        "GET", "/changes", changes.list_changes,
        Text("公开内容的变化，供镜像站跟随", "What changed in public, for mirrors to follow"),
        change_contract.PublicChanges, change_contract.ChangesQuery, is_table=True,
    ),
    Operation(
        "POST", "/changes/{version}/undo", changes.undo_one,
        Text("撤销一次更改（30 天内）", "Undo one change, within 30 days"),
        change_contract.Undone, scope="upload",
    ),
    Operation(
        "GET", "/photos/{id}/changes", changes.get_photo_changes,
        Text("一张照片的全部更改（所有者和审核员）", "Every change of a photo, for its owner and reviewers"),
        change_contract.History, contract.Query, scope="upload", is_table=True,
    ),
    Operation(
        "GET", "/surveys/{id}/history", changes.get_survey_history,
        Text("一次调查的全部更改（所有者和审核员）", "Every change of a survey, for its owner and reviewers"),
        change_contract.History, contract.Query, scope="count", is_table=True,
    ),
    Operation(
        "GET", "/quarantine", quarantine.list_files,
        Text("自己的隔离文件；管理员看到全部", "One's own files in quarantine; all for administrators"),
        quarantine_contract.Quarantine, quarantine_contract.QuarantineQuery, scope="read",
    ),
    Operation(
        "POST", "/quarantine/{id}/retry", quarantine.post_retry,
        Text("重试一个隔离的文件", "Try a file in quarantine again"),
        quarantine_contract.Retried, scope="upload",
    ),
    Operation(
        "DELETE", "/quarantine/{id}", quarantine.delete_file,
        Text("丢弃一个隔离的文件", "Discard a file in quarantine"),
        status=204, scope="upload",
    ),
    Operation(
        "GET", "/jobs", jobs.get_jobs,
        Text("后台任务与定期工作（管理员）", "The work behind the pages, for administrators"),
        job_contract.Jobs, job_contract.JobsQuery, needs_admin=True,
    ),
    Operation(
        "POST", "/jobs/revive", jobs.post_revive_all,
        Text("让全部已放弃的任务重新排队（管理员）", "Try all again that was given up, for administrators"),
        job_contract.Revived, needs_admin=True,
    ),
    Operation(
        "POST", "/jobs/{id}/revive", jobs.post_revive,
        Text("让一个已放弃的任务重新排队（管理员）", "Try a job again that was given up, for administrators"),
        job_contract.Job, needs_admin=True,
    ),
    Operation(
        "GET", "/cameras", clocks.list_cameras,
        Text("自己照片的相机及其时钟", "Cameras of one's own photos, with their clocks"),
        clock_contract.OwnCameras, scope="read",
    ),
    Operation(
        "POST", "/calibrations/preview", clocks.preview_calibrating,
        Text("预览相机时钟的校准（另需 read 权限）", "Preview a calibration of a camera's clock (and scope read)"),
        clock_contract.Preview, body=clock_contract.CalibrationIn, scope="upload",
    ),
    Operation(
        "POST", "/calibrations", clocks.post_calibration,
        Text("校准相机时钟，对以后上传的照片也有效", "Calibrate a camera's clock, for later photos too"),
        clock_contract.Adjusted, body=clock_contract.CalibrationIn, status=201, scope="upload",
    ),
    Operation(
        "POST", "/shifts/preview", clocks.preview_shifting,
        Text("预览批量移时（另需 read 权限）", "Preview moving the times of many photos (and scope read)"),
        clock_contract.Preview, body=clock_contract.ShiftIn, scope="upload",
    ),
    Operation(
        "POST", "/shifts", clocks.post_shift,
        Text("批量移动拍摄时间", "Move the times of many photos alike"),
        clock_contract.Adjusted, body=clock_contract.ShiftIn, status=201, scope="upload",
    ),
    Operation(
        "GET", "/tracks", tracks.list_own_tracks,
        Text("自己的 GPX 轨迹", "One's own GPX tracks"),
        track_contract.OwnTracks, scope="read",
    ),
    Operation(
        "POST", "/tracks", tracks.post_track,
        Text("发送一个 GPX 文件（请求正文）", "Send a GPX file as the body"),
        track_contract.OwnTrack, track_contract.TrackQuery, status=201, scope="upload",
    ),
    Operation(
        "POST", "/tracks/{id}/preview", tracks.preview_placing,
        Text("预览轨迹给照片的位置（另需 read 权限）", "Preview where a track puts photos (and scope read)"),
        track_contract.PlacingPreview, body=track_contract.PlacingIn, scope="upload",
    ),
    Operation(
        "POST", "/tracks/{id}/apply", tracks.post_placing,
        Text("按轨迹给照片定位", "Place photos by a track"),
        clock_contract.Adjusted, body=track_contract.PlacingIn, status=201, scope="upload",
    ),
    Operation(
        "DELETE", "/tracks/{id}", tracks.delete_track,
        Text("删除一条轨迹", "Delete a track"),
        status=204, scope="upload",
    ),
    Operation(
        "GET", "/adjustments", clocks.list_own_adjustments,
        Text("自己照片的校准、移时和轨迹", "Calibrations, shifts and tracks of one's own photos"),
        clock_contract.Adjustments, scope="read",
    ),
    Operation(
        "POST", "/adjustments/{id}/undo", clocks.undo_adjusting,
        Text("整体撤销一次调整", "Take back one adjustment, all its photos at once"),
        clock_contract.TakenBack, scope="upload",
    ),
)  # fmt: skip

routes: list[Route] = [
    *routes_of(OPERATIONS),
    Route(f"{PREFIX}/openapi.json", describe(OPERATIONS)),
    Route(f"{PREFIX}/docs", show_docs(OPERATIONS)),
]
