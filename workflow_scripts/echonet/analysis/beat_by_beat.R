# Beat-by-beat ejection fraction: the mean over the clips before each systole, against the first clip alone.
#
# If R sources this file, it only defines functions; the step calls `analyse_files`. If Rscript runs it, it is a
# command (see `usage`). Base R only.

usage <- "Beat-by-beat ejection fraction against that of the first clip.

usage: Rscript beat_by_beat.R --predictions F --size F --store FOLDER --rule published|sound --lead-frames N
                              --max-beats N --runs N --seed N --cases F --summary F --beat-count F

  --predictions  CSV without header: video, start frame of the clip, EF predicted for it
  --size         CSV with Filename, Frame, ComputerSmall (1 at a systole)
  --store        folder with cases.csv: case, ef (the truth)
  --rule         published: beats too late for a clip are dropped, a clip of several beats counts for each, videos
                 without beats are left out; sound: late beats use the last clip, a clip counts once, videos
                 without beats use their first clip
  --lead-frames  frames from the start of a clip to its systole
  --max-beats, --runs, --seed   the experiment: error with 1 .. max-beats beats drawn at random, so many runs each
  --cases, --summary, --beat-count   CSV files to write: one row per video, per quantity, per run"

# A message for the user, without R's "Error in".
refuse <- function(...) stop(paste0(...), call. = FALSE)

# CSV as a data frame with at least the columns of `classes`. A name such as 0X1E5 looks like a number to R.
read_table <- function(path, classes, ...) {
  if (!file.exists(path)) refuse(path, ": no such file")
  table <- tryCatch(suppressWarnings(read.csv(path, colClasses = classes, na.strings = "", ...)),
    error = function(problem) refuse(path, ": not a readable table: ", conditionMessage(problem)))
  absent <- setdiff(names(classes), names(table))
  if (length(absent)) refuse(path, ": column ", toString(absent), " missing; found ", toString(names(table)))
  if (!nrow(table)) refuse(path, ": no rows")
  hole <- which(!complete.cases(table[names(classes)]))
  if (length(hole)) refuse(path, ": row ", hole[1], ": a value of ", toString(names(classes)), " is missing")
  table
}

case_name <- function(file) sub("\\.avi$", "", file, ignore.case = TRUE)

# case, start (frame), prediction (EF points): one row per clip, ordered by case and start.
read_predictions <- function(path) {
  classes <- c(case = "character", start = "integer", prediction = "numeric")
  clips <- read_table(path, classes, header = FALSE, col.names = names(classes))
  clips$case <- case_name(clips$case)
  twice <- duplicated(clips[c("case", "start")])
  if (any(twice)) refuse(path, ": row ", which(twice)[1], ": this clip of ", clips$case[twice][1], " is there already")
  clips <- clips[order(clips$case, clips$start, method = "radix"), ]
  without <- setdiff(clips$case, clips$case[clips$start == 0])
  if (length(without)) refuse(path, ": no clip starts at frame 0 for ", toString(without))
  clips
}

# case, frame of each systole.
read_systoles <- function(path) {
  sizes <- read_table(path, c(Filename = "character", Frame = "integer", ComputerSmall = "integer"))
  sizes <- sizes[sizes$ComputerSmall == 1, ]
  data.frame(case = case_name(sizes$Filename), frame = sizes$Frame)
}

# EF by case, for the cases that were predicted.
read_truth <- function(store, cases) {
  path <- file.path(store, "cases.csv")
  table <- read_table(path, c(case = "character", ef = "numeric"))
  truth <- setNames(table$ef, table$case)[cases]
  if (anyNA(truth)) refuse(path, ": no EF for ", toString(cases[is.na(truth)]))
  truth
}

# One row per beat: case, start of its clip, and whether the clip was moved to 0, or is too late.
locate_beats <- function(systoles, clips, lead) {
  beats <- systoles[systoles$case %in% clips$case, ]
  beats <- beats[order(beats$case, beats$frame, method = "radix"), ]
  # In each mode of prediction, a video's last clip is there if a beat needs it.
  last <- vapply(split(clips$start, clips$case), max, 0L)
  wanted <- pmax(beats$frame - lead, 0)
  clipped <- beats$frame < lead
  late <- wanted > last[beats$case]
  start <- pmin(wanted, last[beats$case])
  data.frame(case = beats$case, start = unname(start), clipped = clipped, late = unname(late))
}

# One row per clip to average: case, start, prediction.
choose_clips <- function(beats, clips, rule, path) {
  if (rule == "published") {
    chosen <- beats[!beats$late, c("case", "start")]
  } else {
    chosen <- unique(beats[c("case", "start")])
    without <- setdiff(clips$case, chosen$case)
    chosen <- rbind(chosen, data.frame(case = without, start = rep(0, length(without))))
  }
  row <- match(paste(chosen$case, chosen$start), paste(clips$case, clips$start))
  if (anyNA(row)) refuse(path, ": no clip of ", chosen$case[is.na(row)][1], " at ", chosen$start[is.na(row)][1])
  chosen$prediction <- clips$prediction[row]
  chosen[order(chosen$case, chosen$start, method = "radix"), ]
}

# One row per video: EF by truth, first clip and beats, and the number of averaged beats.
average_beats <- function(chosen, beats, clips, truth) {
  cases <- names(truth)
  first <- clips[clips$start == 0, ]
  means <- vapply(split(chosen$prediction, chosen$case), mean, 0)
  counts <- table(factor(chosen$case[chosen$case %in% beats$case], levels = cases))
  data.frame(case = cases, ef = unname(truth), first_clip = first$prediction[match(cases, first$case)],
    beat_by_beat = unname(means[cases]), beats = as.integer(counts))
}

# MAE, RMSE and both kinds of R2: of the regression of truth on prediction (squared Pearson), and 1 - SSE / SST.
errors <- function(truth, prediction) {
  scored <- !is.na(prediction)
  truth <- truth[scored]
  prediction <- prediction[scored]
  error <- prediction - truth
  spread <- sum((truth - mean(truth))^2)
  line <- NA
  if (length(unique(truth)) > 1 && length(unique(prediction)) > 1) {
    line <- suppressWarnings(summary(lm(truth ~ prediction))$r.squared)
  }
  c(mae = mean(abs(error)), rmse = sqrt(mean(error^2)), r2 = if (spread > 0) 1 - sum(error^2) / spread else NA,
    r2_pearson = line)
}

# The number of beats and videos that each rule touches.
count_touched <- function(beats, videos, rule) {
  sound <- rule == "sound"
  kept <- beats[sound | !beats$late, ]
  shared <- sum(duplicated(kept[c("case", "start")]))
  without <- nrow(videos) - length(unique(kept$case))
  c(videos = nrow(videos), videos_lost = if (sound) 0 else without,
    videos_on_first_clip = if (sound) without else 0,
    beats_found = nrow(beats), beats_averaged = nrow(kept) - if (sound) shared else 0,
    beats_clipped_at_0 = sum(beats$clipped),
    beats_dropped_late = if (sound) 0 else sum(beats$late), beats_moved_to_last_clip = if (sound) sum(beats$late) else 0,
    beats_counted_twice = if (sound) 0 else shared, beats_merged = if (sound) shared else 0)
}

# Wichmann and Hill's generator, because three lines in any language repeat its draws.
seed_draws <- function(seed) {
  RNGkind("Wichmann-Hill")
  states <- (seed + c(0, 10000, 20000)) %% 30000 + 1
  assign(".Random.seed", c(.Random.seed[1], as.integer(states)), envir = globalenv())
}

# One row per run: MAE over videos if the EF of each video is the mean of clips that are drawn with replacement.
try_beat_counts <- function(chosen, truth, max_beats, runs, seed) {
  seed_draws(seed)
  counts <- rle(chosen$case)
  before <- cumsum(counts$lengths) - counts$lengths
  ef <- truth[counts$values]
  trials <- expand.grid(run = seq_len(runs), beats = seq_len(max_beats))
  trials$mae <- vapply(trials$beats, function(beats) {
    drawn <- floor(runif(length(ef) * beats) * counts$lengths)
    picked <- matrix(chosen$prediction[before + drawn + 1], nrow = length(ef))
    mean(abs(rowMeans(picked) - ef))
  }, 0)
  trials[c("beats", "run", "mae")]
}

# The whole analysis: list of the three tables.
analyse <- function(predictions, size, store, rule, lead, max_beats, runs, seed) {
  clips <- read_predictions(predictions)
  truth <- read_truth(store, unique(clips$case))
  beats <- locate_beats(read_systoles(size), clips, lead)
  chosen <- choose_clips(beats, clips, rule, predictions)
  cases <- average_beats(chosen, beats, clips, truth)
  values <- c(first_clip = errors(cases$ef, cases$first_clip), beat_by_beat = errors(cases$ef, cases$beat_by_beat),
    count_touched(beats, cases, rule))
  names(values) <- sub("(first_clip|beat_by_beat)\\.", "\\1/", names(values))
  list(cases = cases, summary = data.frame(quantity = names(values), value = unname(values)),
    beat_count = try_beat_counts(chosen, truth, max_beats, runs, seed))
}

# Texts with a comma or a quotation mark in quotation marks, as CSV asks; all else as it is.
quoted <- function(column) {
  if (!is.character(column)) return(column)
  ifelse(grepl("[\",\r\n]", column), paste0("\"", gsub("\"", "\"\"", column, fixed = TRUE), "\""), column)
}

# The bytes of a table as CSV.
csv_bytes <- function(table) {
  memory <- rawConnection(raw(0), "wb")
  on.exit(close(memory))
  table[] <- lapply(table, quoted)
  write.csv(table, memory, row.names = FALSE, quote = FALSE, na = "")
  rawConnectionValue(memory)
}

# If a full disk cuts a file off, R gives a warning at most, so the file is read again.
write_bytes <- function(bytes, path, folder) {
  refused <- function(problem) refuse(folder, ": not writable; nothing was written: ", conditionMessage(problem))
  stream <- tryCatch(file(path, "wb"), warning = refused, error = refused)
  suppressWarnings(tryCatch(writeBin(bytes, stream), finally = close(stream)))
  written <- readBin(path, "raw", length(bytes) + 1)
  if (!identical(written, bytes)) refuse(folder, ": the disk is full; nothing was written")
}

# Write tables by their paths, all or none: all are complete under temporary names before the first gets its own.
write_tables <- function(tables) {
  paths <- names(tables)
  partials <- file.path(dirname(paths), paste0(".", basename(paths), ".", Sys.getpid(), ".part"))
  on.exit(unlink(partials))
  if (any(dir.exists(paths))) refuse(paths[dir.exists(paths)][1], ": expected a file to write to, found a folder")
  for (i in seq_along(paths)) {
    dir.create(dirname(paths[i]), recursive = TRUE, showWarnings = FALSE)
    write_bytes(csv_bytes(tables[[i]]), partials[i], dirname(paths[i]))
  }
  for (i in seq_along(paths)) if (!file.rename(partials[i], paths[i])) refuse(paths[i], ": cannot be written")
}

# Analyse files and write the three tables.
analyse_files <- function(predictions, size, store, rule, lead, max_beats, runs, seed, cases, summary, beat_count) {
  tables <- analyse(predictions, size, store, rule, lead, max_beats, runs, seed)
  write_tables(setNames(tables, c(cases, summary, beat_count)))
}

# Command-line words to a list by option name; all options are required.
parse_options <- function(words) {
  wanted <- c("predictions", "size", "store", "rule", "lead-frames", "max-beats", "runs", "seed", "cases", "summary",
    "beat-count")
  flags <- words[c(TRUE, FALSE)]
  unknown <- setdiff(flags, paste0("--", wanted))
  if (length(unknown) || length(words) %% 2) refuse("cannot understand ", toString(c(unknown)), "; see --help")
  absent <- setdiff(paste0("--", wanted), flags)
  if (length(absent)) refuse("missing: ", toString(absent), "; see --help")
  given <- setNames(as.list(words[c(FALSE, TRUE)]), sub("^--", "", flags))
  if (!given$rule %in% c("published", "sound")) refuse("--rule: expected published or sound, found ", given$rule)
  for (name in c("lead-frames", "max-beats", "runs", "seed")) {
    if (!grepl("^[0-9]+$", given[[name]])) refuse("--", name, ": expected a whole number, found ", given[[name]])
    given[[name]] <- as.numeric(given[[name]])
  }
  unname(given[wanted])
}

main <- function(words) {
  if (!length(words) || any(c("-h", "--help") %in% words)) {
    writeLines(usage)
    return(invisible())
  }
  tryCatch(do.call(analyse_files, parse_options(words)), error = function(problem) {
    message("error: ", conditionMessage(problem))
    quit(status = 2)
  })
}

if (sys.nframe() == 0L) main(commandArgs(trailingOnly = TRUE))
