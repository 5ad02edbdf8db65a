#!/usr/bin/env bash
# Puts alternator-backup on this node: a virtual environment, settings, units. It is safe to run again, to bring the
# command and the units up to date: settings, credentials, state and backups stay as they are.
set -euo pipefail

readonly NAME=alternator-backup
readonly PREFIX=/opt/$NAME
readonly SETTINGS_DIRECTORY=/etc/$NAME
readonly SETTINGS=$SETTINGS_DIRECTORY/settings.toml
readonly STATE_DIRECTORY=/var/lib/$NAME
readonly UNIT_DIRECTORY=/etc/systemd/system
readonly UNITS=("$NAME.service" "$NAME-failure@.service")
readonly DRILL_PATH=$NAME-drill.path
readonly RESTORE_UNIT=$NAME-restore@.service
readonly DRILL_UNITS=("$DRILL_PATH" "$RESTORE_UNIT")
readonly DROP_INS=$UNIT_DIRECTORY/$NAME.service.d
readonly PATHS_DROP_IN=10-paths.conf
readonly RESTORE_DROP_INS=$UNIT_DIRECTORY/$RESTORE_UNIT.d
readonly COMMANDS=("$NAME" baskup)
SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly SOURCE

ROOT=
REPOSITORY=
ACTION=install
PURGE=no
WITH_VENV=yes
WITH_DRILLS=no

usage() {
  cat <<END_OF_USAGE
usage: install.sh [--repository PATH] [--with-drills] [--no-venv] [--root DIR]
       install.sh --uninstall [--purge] [--root DIR]

  --repository PATH  directory for the backups, on another disk than the data; asked for if there are no settings yet
  --with-drills      also the units by which the daemon has root make restore drills, for schedules with what = "drill"
  --no-venv          without the virtual environment in $PREFIX: the command comes from elsewhere
  --root DIR         below DIR, for a package or a test: only files, no virtual environment, no user, no systemctl
  --uninstall        take away the command and the units; settings, credentials, state and backups stay
  --purge            with --uninstall: take away settings, credentials and state, too. Backups always stay.

The environment variable PYTHON names the interpreter to use, 3.11 or later.
END_OF_USAGE
}

say() { printf '%s\n' "$*"; }

# Prints what is wrong and leaves: 2 for wrong usage, 77 for rights, 1 for anything else.
fail() {
  printf 'install.sh: %s\n' "$2" >&2
  exit "$1"
}

# What changes more than files: below another root it is only told.
run() {
  if [ -n "$ROOT" ]; then say "would run: $*"; else "$@"; fi
}

systemctl_if_running() {
  if [ -n "$ROOT" ] || [ -d /run/systemd/system ]; then
    run systemctl "$@"
  else
    say "systemd isn't running here, left out: systemctl $*"
  fi
}

parse_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
      --repository | --root)
        if [ $# -lt 2 ] || [ -z "$2" ]; then fail 2 "$1 needs a directory."; fi
        if [ "$1" = --root ]; then ROOT=$(realpath -m -- "$2"); else REPOSITORY=$2; fi
        shift
        ;;
      --no-venv) WITH_VENV=no ;;
      --with-drills) WITH_DRILLS=yes ;;
      --uninstall) ACTION=uninstall ;;
      --purge) PURGE=yes ;;
      -h | --help) usage && exit 0 ;;
      *) fail 2 "what is $1? See install.sh --help." ;;
    esac
    shift
  done
  if [ "$PURGE" = yes ] && [ "$ACTION" = install ]; then fail 2 "--purge goes with --uninstall."; fi
  if [ "$ROOT" = / ]; then ROOT=; fi
  if [ -n "$ROOT" ]; then WITH_VENV=no; fi
  if [ -e "$ROOT$UNIT_DIRECTORY/$DRILL_PATH" ]; then WITH_DRILLS=yes; fi
  if [ -z "$ROOT" ] && [ "$(id -u)" -ne 0 ]; then fail 77 "run it as root: sudo $0"; fi
}

find_python() {
  local candidate
  for candidate in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      PYTHON=$candidate
      return
    fi
  done
  fail 1 "no Python 3.11 or later is here. Install one, and name it with PYTHON=/path/to/python."
}

choose_repository() {
  if [ -z "$REPOSITORY" ] && [ ! -e "$ROOT$SETTINGS" ]; then
    if [ ! -t 0 ]; then fail 2 "there are no settings yet: name the directory for the backups with --repository PATH."; fi
    read -r -p "Directory for the backups, on another disk than ScyllaDB's data: " REPOSITORY
  fi
  if [ -n "$REPOSITORY" ] || [ ! -e "$ROOT$SETTINGS" ]; then refuse_unusable "$REPOSITORY"; fi
}

# The unit sees neither home directories nor the machine's temporary ones.
refuse_unusable() {
  case $1 in
    *[\"\\]* | *[[:cntrl:]]*) fail 2 "the directory for the backups can't have quotes, backslashes or control characters in its name." ;;
    / | /home | /home/* | /root | /root/* | /run/user/* | /tmp | /tmp/* | /var/tmp | /var/tmp/*)
      fail 2 "the service can't write to $1: name a directory outside of /home, /root and /tmp."
      ;;
    /*) ;;
    *) fail 2 "the directory for the backups has to start with a slash." ;;
  esac
}

install_environment() {
  if [ "$WITH_VENV" = no ]; then return; fi
  say "Installing the command into $PREFIX"
  "$PYTHON" -m venv "$PREFIX"
  local pip=("$PREFIX/bin/python" -m pip --quiet --disable-pip-version-check install)
  "${pip[@]}" --require-hashes --requirement "$SOURCE/requirements.lock"
  "${pip[@]}" --no-deps --force-reinstall "$SOURCE"
  local command
  for command in "${COMMANDS[@]}"; do ln -sfn "$PREFIX/bin/$command" "/usr/local/bin/$command"; done
}

install_settings() {
  if [ -e "$ROOT$SETTINGS" ]; then
    say "Keeping $SETTINGS"
    if [ -n "$REPOSITORY" ] && ! grep -qF "\"$REPOSITORY\"" "$ROOT$SETTINGS"; then
      say "NOTE: it doesn't name $REPOSITORY. Set repository.local.path in it, then run this again."
    fi
    return
  fi
  say "Writing $SETTINGS"
  install -d -m 0755 "$ROOT$SETTINGS_DIRECTORY"
  local replacement
  replacement=$(printf '%s' "$REPOSITORY" | sed 's/[&|]/\\&/g')
  sed "/^\[repository\.local\]/,/^\[/ s|^path = \"[^\"]*\"|path = \"$replacement\"|" \
    "$SOURCE/settings.toml" | install -m 0640 /dev/stdin "$ROOT$SETTINGS"
}

install_units() {
  say "Installing the units"
  local unit
  for unit in "${UNITS[@]}"; do install -D -m 0644 "$SOURCE/deploy/systemd/$unit" "$ROOT$UNIT_DIRECTORY/$unit"; done
  if [ "$WITH_DRILLS" = yes ]; then
    for unit in "${DRILL_UNITS[@]}"; do install -D -m 0644 "$SOURCE/deploy/systemd/$unit" "$ROOT$UNIT_DIRECTORY/$unit"; done
  fi
  install -D -m 0644 "$SOURCE/deploy/systemd/$NAME.sysusers" "$ROOT/etc/sysusers.d/$NAME.conf"
  install -D -m 0644 "$SOURCE/deploy/systemd/$NAME.tmpfiles" "$ROOT/etc/tmpfiles.d/$NAME.conf"
  run systemd-sysusers "/etc/sysusers.d/$NAME.conf"
  run systemd-tmpfiles --create "/etc/tmpfiles.d/$NAME.conf"
}

# Directories that the settings make the service write, one a line; with "restore" those of the root unit.
writable_paths() {
  "$PYTHON" - "$ROOT$SETTINGS" "$SETTINGS_DIRECTORY" "$STATE_DIRECTORY" "$1" <<'END_OF_PYTHON'
import os, socket, sys, tomllib

try:
    with open(sys.argv[1], "rb") as file:
        settings = tomllib.load(file)
except tomllib.TOMLDecodeError as error:
    sys.exit(f"install.sh: {sys.argv[1]} is no TOML: {error}")
paths = [repository["path"] for repository in settings.get("repository", {}).values() if "path" in repository]
paths += [path for path in [settings.get("state", {}).get("directory")] if path]
paths += [os.path.dirname(path) for path in [settings.get("log", {}).get("file")] if path]
if sys.argv[4] == "restore":
    if os.path.normpath(settings.get("state", {}).get("directory") or sys.argv[3]) != sys.argv[3]:
        sys.exit(f"install.sh: drills by schedule need state.directory to be {sys.argv[3]}.")
    node = settings.get("node", {})
    # Files are staged beside a data directory where nothing else is said.
    paths += [os.path.dirname(path.rstrip("/")) for path in node.get("data_dirs", [])]
    paths += [path for path in [node.get("restore_staging")] if path]
for path in paths:
    # Only the daemon asks the node for its id: what is above it must do.
    known = path.replace("{hostname}", socket.gethostname()).partition("{host_id}")
    above = os.path.dirname(known[0]) if known[1] else known[0]
    print(os.path.normpath(os.path.join(sys.argv[2], above)))
END_OF_PYTHON
}

# ProtectSystem=strict makes everything else read-only. A directory that isn't mounted must not be written either.
allow_paths() {
  local paths path
  if [ "$WITH_DRILLS" = yes ]; then
    paths=$(writable_paths restore) || exit 1
    write_paths "$RESTORE_DROP_INS" "$paths"
  fi
  paths=$(writable_paths service) || exit 1
  write_paths "$DROP_INS" "$paths"
  while IFS= read -r path; do
    if [ -n "$path" ] && [ ! -e "$ROOT$path" ]; then run install -d -m 0700 -o "$NAME" -g "$NAME" "$path"; fi
  done <<<"$paths"
}

# A drop-in in the directory $1 that allows the directories $2.
write_paths() {
  local path quoted
  install -d -m 0755 "$ROOT$1"
  {
    say "# Made by install.sh from $SETTINGS: run it again when a path in there has changed."
    while IFS= read -r path; do
      [ -n "$path" ] || continue
      quoted=${path//%/%%}
      printf '[Unit]\nRequiresMountsFor="%s"\n[Service]\nReadWritePaths="%s"\n' "$quoted" "$quoted"
    done <<<"$2"
  } | install -m 0644 /dev/stdin "$ROOT$1/$PATHS_DROP_IN"
}

activate() {
  systemctl_if_running daemon-reload
  systemctl_if_running try-restart "$NAME.service"
  if [ "$WITH_DRILLS" = yes ]; then systemctl_if_running enable --now "$DRILL_PATH"; fi
  say "Done. What comes next:
  1. look through $SETTINGS
  2. sudo $NAME doctor
  3. sudo systemctl enable --now $NAME"
}

# A snapshot that nobody clears fills the disk, and only the journal knows of it.
refuse_to_forget_snapshots() {
  if compgen -G "$ROOT$STATE_DIRECTORY/snapshots/*.json" >/dev/null; then
    fail 1 "$STATE_DIRECTORY/snapshots tells of snapshots that are still on the node. Let a backup clear them, then purge."
  fi
}

uninstall() {
  if [ "$PURGE" = yes ]; then refuse_to_forget_snapshots; fi
  if [ -e "$ROOT$UNIT_DIRECTORY/$NAME.service" ]; then systemctl_if_running disable --now "$NAME.service"; fi
  if [ -e "$ROOT$UNIT_DIRECTORY/$DRILL_PATH" ]; then systemctl_if_running disable --now "$DRILL_PATH"; fi
  local unit command
  for unit in "${UNITS[@]}" "${DRILL_UNITS[@]}"; do rm -f "$ROOT$UNIT_DIRECTORY/$unit"; done
  rm -f "$ROOT$DROP_INS/$PATHS_DROP_IN" "$ROOT$DROP_INS/hardened-umask.conf" "$ROOT$RESTORE_DROP_INS/$PATHS_DROP_IN"
  rmdir "$ROOT$DROP_INS" "$ROOT$RESTORE_DROP_INS" 2>/dev/null || true
  rm -f "$ROOT/etc/sysusers.d/$NAME.conf" "$ROOT/etc/tmpfiles.d/$NAME.conf"
  for command in "${COMMANDS[@]}"; do
    if [ "$(readlink "$ROOT/usr/local/bin/$command")" = "$PREFIX/bin/$command" ]; then rm "$ROOT/usr/local/bin/$command"; fi
  done
  if [ -e "$ROOT$PREFIX/pyvenv.cfg" ]; then rm -r "$ROOT$PREFIX"; fi
  systemctl_if_running daemon-reload
  if [ "$PURGE" = yes ]; then
    rm -rf "$ROOT$SETTINGS_DIRECTORY" "$ROOT$STATE_DIRECTORY"
    say "The command, the units, settings, credentials and state are gone. Backups and the user $NAME stay."
  else
    say "The command and the units are gone. Backups, $SETTINGS_DIRECTORY, $STATE_DIRECTORY and the user $NAME stay."
  fi
}

main() {
  umask 022
  parse_arguments "$@"
  if [ "$ACTION" = uninstall ]; then
    uninstall
    return
  fi
  find_python
  choose_repository
  install_environment
  install_settings
  install_units
  allow_paths
  activate
}

main "$@"
