/**
 * Tries from inside a pod whether it reaches the cluster's own API server, whose address every container is told and
 * which always listens. A port of the pod itself where nobody listens shows first that the tool can tell.
 */

const BASH = `bash -c "exec 3<>/dev/tcp/127.0.0.1/1" 2>&1 | grep -qi refused || exit 3
  timeout 3 bash -c "exec 3<>/dev/tcp/$host/$port" 2>/dev/null && exit 0
  exit 1`;

const PYTHON = `exec python3 -c '
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)
except OSError:
    sys.exit(1)
' "$host" "$port"`;

/** A shell script; see {@link verdictOf} for its exit code. */
export const NETWORK_PROBE = `host=$KUBERNETES_SERVICE_HOST port=$KUBERNETES_SERVICE_PORT
[ -n "$host" ] && [ -n "$port" ] || exit 3
if command -v bash >/dev/null && command -v timeout >/dev/null; then
  ${BASH}
elif command -v python3 >/dev/null; then
  ${PYTHON}
fi
exit 3`;

export function verdictOf(code: number | null): 'connected' | 'isolated' | 'unknown' {
  if (code === 0) return 'connected';
  return code === 1 ? 'isolated' : 'unknown';
}
