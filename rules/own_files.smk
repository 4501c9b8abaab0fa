# A user's own files: `snakemake predict --config input=FOLDER`. All that is written calls them by neutral names; the key
# beside the predictions leads from each name to its file.

import re
import shlex
from functools import cache

from reprise.engine.folders import files_below
from reprise.engine.raw_files import own_files_digest

# By study: the folder that gets the key and the predictions, and the endings by which `predict` knows its files.
OWN_FILES = {}

# The modality in the header of a DICOM file, for those that are never an echo clip.
SCAN = re.compile(rb"\x08\0\x60\0(CS..|....)(MR|CT|PT|NM) ?", re.DOTALL)
HEADER_BYTES = 8192


def own_predictions(study):
    """Where a study's predictions for the user's files go."""
    return f"{OWN_FILES[study][0]}/predictions"


def fitting_studies():
    """The studies of this run that take files like those in the user's folder; ends with one line if there is none."""
    if not known_studies():
        scans = sum(is_scan(path) for path in own_files())
        found = (
            f"{scans} DICOM files of scans; convert them to NIfTI with dcm2niix" if scans else "no file of a known kind"
        )
        exit_with_commands(f"{config['input']}: {found}", shlex.quote(config["input"]))
    return known_studies()


@cache
def known_studies():
    """The studies that know files in the user's folder by the endings of their names."""
    return [study for study, (_, endings) in OWN_FILES.items() if any(fits(path, endings) for path in own_files())]


@cache
def own_files():
    """All files in the user's folder."""
    own_folder()
    return files_below(Path(config["input"]))


def fits(path, endings):
    return path.name.lower().endswith(endings) and not is_scan(path)


def is_scan(path):
    """Whether a DICOM file is of a modality that is never an echo clip."""
    if not path.name.lower().endswith((".dcm", ".ima")):
        return False
    try:
        with path.open("rb") as stream:
            return bool(SCAN.search(stream.read(HEADER_BYTES)))
    except OSError:
        return False


def own_folder():
    """No input: the rule goes by the content of the files in the user's folder, which the configuration must name."""
    if "input" not in config:
        exit_with_commands("no folder of your own files is named", "FOLDER")
    folder, ours = Path(config["input"]), Path("results").resolve()
    if not folder.is_dir():
        sys.exit(f"error: input: {folder} is a file; name the folder that it lies in")
    if folder.resolve().is_relative_to(ours) or ours.is_relative_to(folder.resolve()):
        sys.exit(
            f"error: input: {folder} is inside results/ or around it, where runs delete files; copy yours elsewhere"
        )
    return []


def exit_with_commands(problem, folder):
    """End with one line: what is wrong, and the commands that predict a user's files, by study."""
    commands = [f"`snakemake predict_{study} --config input={folder}`" for study in OWN_FILES]
    sys.exit(f"error: {problem}; type {' or '.join(commands)}")


def is_alone(study):
    """`no` if there are files for other studies, too: then nothing to read for this study is no error."""
    return "no" if set(known_studies()) - {study} else "yes"


def own_weights(key, trained):
    """The weights that predict a user's files: those that the configuration names, or those trained here."""
    return config.get(key, trained)


def trained_weights(key, trained):
    """Weights trained here, as a rule's input. A user's weights are no input, see `own_weights_digests`."""
    return [] if key in config else trained


def named_weights(key):
    """The weights that the configuration names; a user's weights are no input, see `own_weights_digests`."""
    return {"weights": config[key]} if key in config else {}


def own_weights_digests(*keys):
    """The content of the weights that the configuration names, on which predictions depend."""
    return {key: files_digest(config[key]) for key in keys if key in config}
