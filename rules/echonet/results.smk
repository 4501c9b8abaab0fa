# The study's measures, its overlay videos, and its section of the report.


use rule analyse as echonet_score with:
    input:
        store="results/echonet/store",
        overlap=of_runs("segmentation", "overlap.csv"),
        history=of_runs("segmentation", "log.csv"),
        mask_ef=of_runs("segmentation", "mask_ef.csv"),
        predictions=predictions(),
        beats=of_protocols("beats.csv"),
        size_=size_table("published"),
        size_sound=size_table("sound"),
    output:
        metrics="results/echonet/metrics.csv",
        quirks="results/echonet/quirks.csv",
    pathvars:
        name="echonet/score",
    resources:
        **needs(4000, 30),
    params:
        **step(
            "echonet/score.py",
            settings=settings("echonet", "bootstrap", seed=first_seed())
            | beats("lead_frames")
            | in_order("echonet", "segmentation", "ef"),
        ),


use rule analyse as echonet_render_videos with:
    input:
        store="results/echonet/store",
        areas=segmentation_file("areas.csv"),
        masks=segmentation_file("masks.npy"),
        size_=size_table("sound"),
    output:
        output=directory("results/echonet/videos"),
    pathvars:
        name="echonet/render_videos",
    params:
        **step("echonet/render_videos.py", settings=settings("echonet", "videos")),


use rule analyse as echonet_describe with:
    input:
        store="results/echonet/store",
        metrics="results/echonet/metrics.csv",
        quirks="results/echonet/quirks.csv",
        findings="results/echonet/findings.csv",
        figures=figures(),
        videos="results/echonet/videos",
    output:
        protocols="results/echonet/protocols.csv",
        section="results/echonet/section.json",
    pathvars:
        name="echonet/describe",
    localrule: True
    params:
        **step("echonet/describe.py", settings=lambda w: described_study("echonet", "segmentation", "ef")),
