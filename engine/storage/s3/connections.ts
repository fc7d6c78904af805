/**
 * Connections to S3 servers. Node reads each piece that a connection has into 64 KiB of new memory, and its parser of HTTP copies
 * the body out of that: so whatever is read is garbage once more, outside of V8's heap, which V8 does not hurry to collect. Here
 * each connection reads into one memory of its own (`onread` of net.connect), and the parser gets it from there. A gigabyte
 * that is read takes a third of the CPU time, and the process dozens of megabytes less.
 */
import http from 'node:http';
import https from 'node:https';
import type { OnReadOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';

import type { S3Settings } from './options';

/** As many bytes come at once at most. A connection whose answers are short touches no more of it than they take. */
const READ_BYTES = 256 * 1024;

/** The memory of all connections: what lies in it is overwritten by what comes next. */
const memories = new WeakSet<ArrayBufferLike>();

/** Connections are kept open between requests; idle ones do not keep the process running. */
export function agentFor(settings: S3Settings): http.Agent {
	const common = { keepAlive: true, keepAliveMsecs: 10_000 };
	if (!settings.secure) return readingIntoOne(new http.Agent(common));
	return readingIntoOne(
		new https.Agent({
			...common,
			rejectUnauthorized: !settings.ignoreSslIssues,
			ca: settings.caCertificate ? [...tls.getCACertificates('default'), settings.caCertificate] : undefined,
		}),
	);
}

function readingIntoOne<T extends http.Agent>(agent: T): T {
	const connect = agent.createConnection.bind(agent);
	agent.createConnection = (options, ...others) => {
		let socket: Duplex | null | undefined = undefined;
		const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
		memories.add(buffer.buffer);
		const onread: OnReadOpts = {
			buffer,
			callback: (length) => {
				// A server that speaks without being asked is not one to go on with.
				if (!socket?.emit('data', buffer.subarray(0, length))) socket?.destroy();
				return true;
			},
		};
		const reading: http.ClientRequestArgs & { onread: OnReadOpts } = { ...options, onread };
		socket = connect(reading, ...others);
		return socket;
	};
	return agent;
}

/**
 * Has the chunks of an answer's body in memory that stays theirs. Node's parser copies each out of what the connection read, as it
 * has for years; if it ever handed out that memory itself, what is waiting to be read would be overwritten.
 */
export function keepBody(response: http.IncomingMessage): void {
	response.push = pushKept;
}

/** One function for all: with one for each answer, V8 takes what belongs to those that are over for alive, until it looks through its old generation. */
function pushKept(this: http.IncomingMessage, chunk: Uint8Array | null, encoding?: BufferEncoding): boolean {
	const kept = chunk && memories.has(chunk.buffer) ? Buffer.from(chunk) : chunk;
	return http.IncomingMessage.prototype.push.call(this, kept, encoding);
}
