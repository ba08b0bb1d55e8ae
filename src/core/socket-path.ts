// How long the path of a unix socket may be.

/**
 * In bytes. sun_path holds 108 with its end mark on Linux (unix(7)) and 104 on the BSDs and macOS: the smaller one holds everywhere, so that
 * a configuration that starts on one machine starts on another. Node would cut a longer path in silence.
 */
export const SOCKET_PATH_BYTES = 103;
