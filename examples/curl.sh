#!/usr/bin/env bash
# The API from a shell.
#
#   EVERGREEN_URL       the address of the service; http://127.0.0.1:8080 by default
#   EVERGREEN_API_KEY   the key to send, if the service needs one
#
# Exits with curl's status: 22 if the service refused, 7 if nothing listens.
set -euo pipefail

url="${EVERGREEN_URL:-http://127.0.0.1:8080}"
url="${url%/}"

title() { printf '\n── %s\n' "$1"; }

# Through a file descriptor, so that no list of processes shows the key.
authorization() {
  [[ -z "${EVERGREEN_API_KEY:-}" ]] || printf 'Authorization: Bearer %s' "$EVERGREEN_API_KEY"
}

# Shows the answer or the problem, and fails with curl if it is a problem.
ask() {
  local answer status=0
  answer="$(curl --silent --show-error --fail-with-body --max-time 30 \
    --header 'Content-Type: application/json' --header @<(authorization) "$@")" || status=$?
  python3 -m json.tool <<<"$answer" 2>/dev/null || printf '%s\n' "$answer"
  return "$status"
}

title 'Is it ready? (503 means that the model is still being loaded: try again)'
curl --silent --show-error --fail --retry 5 "$url/health/ready"
echo

title 'What is served?'
ask "$url/v1/models"

title 'One text'
ask "$url/v1/predict" --data '{"inputs": "The film is good, and the cast is fine."}'

title 'One text, in the address'
ask "$url/v1/predict" --get --data-urlencode 'text=A dull film & a bad ending.'

title 'Several texts: the best label of each, and no more than the start of long ones'
ask "$url/v1/predict" --data '{
  "inputs": ["The film is good, and the cast is fine.", "A dull film and a bad ending."],
  "parameters": {"top_k": 1, "long_text": "truncate"}
}'

title 'Why? Each weight says how much a stretch of the text speaks for the label'
ask "$url/v1/predict" --data '{
  "inputs": "The film is good, and the cast is fine.",
  "parameters": {"explain": true}
}'

title 'What a text names, by a model that finds entities; start and end count code points'
if ask "$url/v2/models/ner" >/dev/null 2>&1; then
  ask "$url/v1/models/ner/predict" --data '{"inputs": "Ada Lovelace joined Reuters in New York 🗽."}'
else
  echo 'This service has no model of the name ner.'
fi

title 'A problem: "detail" says what to do'
ask "$url/v1/models/no-such-model/predict" --data '{"inputs": "Anyone?"}' || echo "curl's exit status: $?"
