# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) 2026 The vmforge authors
set -l commands build plan lock validate schema stages images plugins store run shell export push pull receive repo verify diff gc fsck key sign version help
complete -c vmforge -f
complete -c vmforge -n "not __fish_seen_subcommand_from $commands" -a "$commands"
complete -c vmforge -n "__fish_seen_subcommand_from build plan lock validate" -F
complete -c vmforge -n "__fish_seen_subcommand_from stages" -a "list show keep unkeep rm"
complete -c vmforge -n "__fish_seen_subcommand_from images" -a "list show path tag untag sbom rm"
complete -c vmforge -n "__fish_seen_subcommand_from plugins; and not __fish_seen_subcommand_from check new" -a "list show check new"
complete -c vmforge -n "__fish_seen_subcommand_from plugins; and __fish_seen_subcommand_from check" -F
complete -c vmforge -n "__fish_seen_subcommand_from plugins; and __fish_seen_subcommand_from check" -l spec -l work -rF
complete -c vmforge -n "__fish_seen_subcommand_from plugins; and __fish_seen_subcommand_from new" -a "package storage"
complete -c vmforge -n "__fish_seen_subcommand_from repo" -a "refresh show"
complete -c vmforge -n "__fish_seen_subcommand_from store" -a "show umount"
complete -c vmforge -n "__fish_seen_subcommand_from key; and not __fish_seen_subcommand_from new list trust revoke export rotate" -a "new list trust revoke export rotate"
complete -c vmforge -n "__fish_seen_subcommand_from key; and __fish_seen_subcommand_from new trust" -F
complete -c vmforge -n "__fish_seen_subcommand_from key; and __fish_seen_subcommand_from revoke export" -a "(vmforge key list 2>/dev/null | awk '{print \$1}')"
complete -c vmforge -n "__fish_seen_subcommand_from trust" -l role -xa "service author"
complete -c vmforge -n "__fish_seen_subcommand_from sign" -F
complete -c vmforge -n "__fish_seen_subcommand_from sign" -l key -rF
complete -c vmforge -n "__fish_seen_subcommand_from schema" -a "spec profile config lock"
complete -c vmforge -n "__fish_seen_subcommand_from run shell export push verify sign diff" -a "(vmforge images list 2>/dev/null | awk '{print \$1}')"
complete -c vmforge -n "__fish_seen_subcommand_from build" -l until -xa "core base image appliance"
complete -c vmforge -n "__fish_seen_subcommand_from build export" -s f -l format -xa "raw qcow2"
complete -c vmforge -n "__fish_seen_subcommand_from build export" -s o -l output -rF
complete -c vmforge -n "__fish_seen_subcommand_from run" -l firmware -xa "bios uefi"
complete -c vmforge -l store -rF
complete -c vmforge -n "__fish_seen_subcommand_from diff" -s t -l tree
complete -c vmforge -n "__fish_seen_subcommand_from diff" -s m -l matrix
complete -c vmforge -n "__fish_seen_subcommand_from diff" -s r -l rehearse
complete -c vmforge -n "__fish_seen_subcommand_from diff" -l store-b -rF
complete -c vmforge -l storage -x
complete -c vmforge -l json
complete -c vmforge -s h -l help
