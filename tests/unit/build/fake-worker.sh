#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Speaks a worker's language without doing its work; the stage of the job says how.
job=$(cat)
root=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
package() { echo "{\"event\":\"package\",\"package\":{\"id\":\"$1\",\"name\":\"$1\",\"version\":\"1\",\"arch\":\"all\"}}" >&3; }
case $job in
*'"good"'*)
  echo printed
  echo '{"event":"progress","fraction":500,"what":"half"}' >&3
  echo '{"event":"warning","message":"take care"}' >&3
  echo '{"event":"of a later version"}' >&3
  package a
  package b
  echo "{\"event\":\"result\",\"ok\":true,\"index\":\"$root\",\"own_bytes\":8192}" >&3
  ;;
*'"without-index"'*)
  echo '{"event":"result","ok":true}' >&3
  ;;
*'"with-bad-index"'*)
  echo '{"event":"result","ok":true,"index":"../../etc","own_bytes":0}' >&3
  ;;
*'"failing"'*)
  echo '{"event":"result","ok":false,"code":5,"message":"stage '"'failing'"': full"}' >&3
  exit 1
  ;;
*'"unknown-code"'*)
  echo '{"event":"result","ok":false,"code":77,"message":"what"}' >&3
  exit 1
  ;;
*'"dying"'*) kill -9 $$ ;;
*'"nonsense"'*)
  echo 'this is no JSON' >&3
  sleep 30
  ;;
esac
