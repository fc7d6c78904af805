/** What connections read lies in memory that is used again: bodies must be none the worse for it. */
import { once } from 'node:events';
import http, { IncomingMessage, type RequestListener } from 'node:http';
import https from 'node:https';
import { Socket, type AddressInfo } from 'node:net';

import { describe, expect, it, onTestFinished } from 'vitest';

import { agentFor, keepBody } from '../../../engine/storage/s3/connections';
import { settingsOf } from '../../../engine/storage/s3/options';
import { noise } from '../../random/bytes';
import { createAuthority } from '../../services/certificates';

const BODY = noise('s3/connections')(3 * 1024 * 1024);
const authority = createAuthority();

async function serverWith(secure: boolean, listener: RequestListener) {
	const server = secure ? https.createServer(authority.issue('127.0.0.1'), listener) : http.createServer(listener);
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const endpoint = `${secure ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
	const keys = { accessKeyId: 'key', secretAccessKey: 'secret', caCertificate: authority.ca };
	const agent = agentFor(settingsOf({ endpoint, bucket: 'nightly', ...keys }));
	onTestFinished(async () => {
		agent.destroy();
		server.closeAllConnections();
		await new Promise((resolve) => server.close(resolve));
	});
	const open = async () => {
		const request = (secure ? https : http).get(endpoint, { agent });
		const [response] = (await once(request, 'response')) as [IncomingMessage];
		return { request, response };
	};
	return { server, open };
}

/** A reader that is slower than the server: chunks wait, and the connection is paused and goes on. */
async function readSlowly(response: IncomingMessage): Promise<Buffer> {
	const chunks: Buffer[] = [];
	for await (const chunk of response as AsyncIterable<Buffer>) {
		chunks.push(chunk);
		await new Promise((resolve) => setImmediate(resolve));
	}
	return Buffer.concat(chunks);
}

describe.each([
	['plain', false],
	['secure', true],
])('connections that are %s', (_, secure) => {
	it('give whole bodies to readers that keep all chunks, also side by side and one after the other', async () => {
		const { server, open } = await serverWith(secure, (_request, response) => response.end(BODY));
		let connections = 0;
		server.on('connection', () => connections++);
		for (let round = 0; round < 2; round++) {
			const answers = await Promise.all([open(), open()]);
			const bodies = await Promise.all(answers.map(async ({ response }) => await readSlowly(response)));
			for (const body of bodies) expect(body.equals(BODY)).toBe(true);
		}
		expect(connections).toBe(2);
	});

	it('tell of a server that ends one in the middle of a body', async () => {
		const { open } = await serverWith(secure, (_request, response) => {
			response.writeHead(200, { 'content-length': String(BODY.length) });
			response.write(BODY.subarray(0, 100_000), () => response.destroy());
		});
		const { response } = await open();
		await expect(readSlowly(response)).rejects.toMatchObject({ code: 'ECONNRESET' });
		expect(response.complete).toBe(false);
	});
});

it('a body that came in the memory of its connection is copied out of it', async () => {
	const { open } = await serverWith(false, (_request, response) => response.end('first'));
	const { request, response } = await open();
	let memory: Buffer | undefined;
	request.socket?.on('data', (bytes: Buffer) => (memory = bytes));
	response.resume();
	await once(response, 'close');
	const second = await open();
	second.response.resume();
	await once(second.response, 'close');
	const handedOut = new IncomingMessage(new Socket());
	keepBody(handedOut);
	handedOut.push(memory);
	memory?.fill(0);
	expect(String(handedOut.read())).toContain('first');
});
