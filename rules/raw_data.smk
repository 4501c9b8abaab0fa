# Where each study's raw data is: a phantom made here, a folder of the user, or a download.

from reprise.engine.configuration import known_sets
from reprise.engine.links import folder_name, is_link, link_path
from reprise.engine.raw_files import changed_downloads, downloaded_digest


def is_phantom(study):
    return config["data"][study] == "phantom"


def download_source(study):
    """What is downloaded for a study: a row of config/datasets.yaml, or the user's link; empty if nothing is."""
    where = config["data"][study]
    return {"archive": conceal(where)} if is_link(where) else known_sets().get(study, {}).get(where, {})


def data_sources():
    """Where each study's raw data comes from, without the keys in links."""
    return {study: conceal(where) for study, where in config["data"].items()}


def raw_folder(study):
    """Where a study's raw data lies."""
    where = config["data"][study]
    if not download_source(study):
        return f"results/{study}/phantom" if is_phantom(study) else where
    return f"{config.get('downloads', 'downloads')}/{study}/{folder_name(where) if is_link(where) else where}"


def receipt(study):
    """What a study's download has written down: the SHA-256 of each file. It stays as it is until it is replaced."""
    return f"results/{study}/download.json"


def phantom(study):
    """The phantom, as an input of the rule that reads raw data. A user's folder is no input, see `raw_files`."""
    return raw_folder(study) if is_phantom(study) else []


def downloaded(study):
    """The download, as an input of each rule that reads raw data. Its content counts, see `raw_files`, not its time."""
    return ancient(receipt(study)) if download_source(study) else []


def raw_files(study):
    """What a study's check depends on besides code: the content of the raw files, not their times."""
    if download_source(study):
        return {"raw": downloaded_digest(raw_folder(study), receipt(study))}
    return {} if is_phantom(study) else {"raw": files_digest(raw_folder(study))}


def needs_download(study):
    """The resources of a rule that downloads; the time is a day."""
    return needs(1000, 1440, folder=raw_folder(study), mirror=config.get("mirror", "none"))


def download_step(study):
    """The params of a rule that downloads. It runs again if a file was changed since, or a local archive is another."""
    source, folder = download_source(study), raw_folder(study)
    local = link_path(source.get("archive", ""))

    def there(wildcards):
        archive = {"archive content": files_digest(str(local))} if local else {}
        found = {"folder": folder, "changed files": changed_downloads(folder, receipt(study))}
        return found | archive if source else {}

    def wanted(wildcards):
        return source | (project_files(source["files"]) if "files" in source else {})

    return step("raw_data/download.py", there, settings=wanted)
