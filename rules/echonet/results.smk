# The study's measures and its overlay videos, and what the report says of it.


rule echonet_score:
    input:
        store="results/echonet/store",
        overlap=of_runs("segmentation", "overlap.csv"),
        history=of_runs("segmentation", "log.csv"),
        mask_ef=of_runs("segmentation", "mask_ef.csv"),
        predictions=predictions(),
        beats=of_protocols("beats.csv"),
        sizes=size_table("published"),
        size_sound=size_table("sound"),
    output:
        metrics="results/echonet/metrics.csv",
        quirks="results/echonet/quirks.csv",
    log:
        "results/logs/echonet/score.log",
    benchmark:
        "results/benchmarks/echonet/score.tsv"
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=30,
    params:
        spec=spec(
            "echonet/score.py",
            settings("echonet", "bootstrap", seed=first_seed())
            | beats("lead_frames")
            | in_order("echonet", "segmentation", "ef"),
        ),
    shell:
        "exec python workflow_scripts/echonet/score.py --store {input.store:q} --overlap {input.overlap:q}"
        " --history {input.history:q} --mask-ef {input.mask_ef:q} --predictions {input.predictions:q}"
        " --beats {input.beats:q} --size {input.sizes:q} --size-sound {input.size_sound:q}"
        " --settings {params.spec:q} --metrics {output.metrics:q} --quirks {output.quirks:q} --log {log:q}"


rule echonet_render_videos:
    input:
        store="results/echonet/store",
        areas=segmentation_file("areas.csv"),
        masks=segmentation_file("masks.npy"),
        sizes=size_table("sound"),
    output:
        output=directory("results/echonet/videos"),
    log:
        "results/logs/echonet/render_videos.log",
    benchmark:
        "results/benchmarks/echonet/render_videos.tsv"
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=30,
    params:
        spec=spec("echonet/render_videos.py", settings("echonet", "videos")),
    shell:
        "exec python workflow_scripts/echonet/render_videos.py --store {input.store:q} --areas {input.areas:q}"
        " --masks {input.masks:q} --size {input.sizes:q} --settings {params.spec:q} --output {output.output:q}"
        " --log {log:q}"


rule echonet_describe:
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
    log:
        "results/logs/echonet/describe.log",
    benchmark:
        "results/benchmarks/echonet/describe.tsv"
    localrule: True
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=30,
    params:
        spec=spec("echonet/describe.py", described_study("echonet", "segmentation", "ef")),
    shell:
        "exec python workflow_scripts/echonet/describe.py --store {input.store:q} --metrics {input.metrics:q}"
        " --quirks {input.quirks:q} --findings {input.findings:q} --figures {input.figures:q}"
        " --videos {input.videos:q} --settings {params.spec:q} --protocols {output.protocols:q}"
        " --section {output.section:q} --log {log:q}"
