# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
# Completion of vmforge for bash. Options come from `vmforge COMMAND --help`, so that they are never out of date.

_vmforge_options () {
  "$1" "${@:2}" --help 2>/dev/null | sed -n 's/^  \(-., \)\?\(--[a-z-]*\)[= ].*/\2/p; s/^  \(-., \)\?\(--[a-z-]*\)$/\2/p'
}

_vmforge_images () {
  "$1" images list 2>/dev/null | awk '{print $1}' | sort -u
}

_vmforge_stages () {
  "$1" stages list 2>/dev/null | awk '{print $1}'
}

_vmforge () {
  local commands='build plan lock validate schema stages images plugins store run shell export push pull receive repo verify diff gc fsck key sign version help'
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} program=${COMP_WORDS[0]}
  local command=${COMP_WORDS[1]} sub=${COMP_WORDS[2]} words='' path
  COMPREPLY=()
  if [[ $COMP_CWORD == 1 ]]; then
    [[ $word == -* ]] && words=$(_vmforge_options "$program") || words=$commands
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    return
  fi
  case $previous in
  --until) words='core base image appliance' ;;
  --format | -f) words='raw qcow2' ;;
  --firmware) words='bios uefi' ;;
  --color) words='auto always never' ;;
  --role) words='service author' ;;
  --store | --store-b | --output | -o | --plugin | --spec | --work | --key) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
  esac
  if [[ -z $words ]]; then
    path=("$command")
    case $command in
    stages) [[ $COMP_CWORD == 2 ]] && words='list show keep unkeep rm' || path+=("$sub") ;;
    repo) [[ $COMP_CWORD == 2 ]] && words='refresh show' || path+=("$sub") ;;
    images) [[ $COMP_CWORD == 2 ]] && words='list show path tag untag sbom rm' || path+=("$sub") ;;
    plugins) [[ $COMP_CWORD == 2 ]] && words='list show check new' || path+=("$sub") ;;
    store) [[ $COMP_CWORD == 2 ]] && words='show umount' || path+=("$sub") ;;
    key) [[ $COMP_CWORD == 2 ]] && words='new list trust revoke export rotate' || path+=("$sub") ;;
    help) words=$commands ;;
    esac
    [[ $word == -* ]] && words=$(_vmforge_options "$program" "${path[@]}")
  fi
  if [[ -z $words ]]; then
    case $command-$sub in
    build-* | plan-* | lock-* | validate-*) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -X '!*.y*ml' -- "$word"; compgen -d -- "$word"); return ;;
    run-* | shell-* | export-* | push-* | verify-* | diff-* | images-*) words=$(_vmforge_images "$program") ;;
    stages-*) words=$(_vmforge_stages "$program") ;;
    plugins-check) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -X '!*.so' -- "$word"; compgen -d -- "$word"); return ;;
    plugins-new)
      [[ $COMP_CWORD == 3 ]] && words='package storage'
      [[ $COMP_CWORD == 5 ]] && { compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); return; } ;;
    plugins-*) words=$("$program" plugins list 2>/dev/null | awk '{print $1}') ;;
    key-revoke | key-export) words=$("$program" key list 2>/dev/null | awk '{print $1}') ;;
    key-new | key-trust) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
    sign-*) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"; compgen -W "$(_vmforge_images "$program")" -- "$word"); return ;;
    schema-*) words='spec profile config lock' ;;
    esac
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _vmforge vmforge
