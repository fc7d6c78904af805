import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Client, type ConnectConfig } from 'ssh2';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startSsh, type SshServer } from '../../services/ssh';

let ssh: SshServer;
const greeter = createServer((socket) => socket.end('hello through the tunnel'));

beforeAll(async () => {
	ssh = await startSsh();
	greeter.listen(0, '127.0.0.1');
	await once(greeter, 'listening');
});
afterAll(async () => {
	greeter.close();
	await ssh.stop();
});

async function greetingThroughTunnel(login: ConnectConfig): Promise<string> {
	const client = new Client();
	client.connect({ host: ssh.host, port: ssh.port, username: ssh.username, ...login });
	await once(client, 'ready');
	const { port } = greeter.address() as AddressInfo;
	const greeting = await new Promise<string>((resolve, reject) => {
		client.forwardOut('127.0.0.1', 0, '127.0.0.1', port, (error, channel) => {
			if (error) reject(error);
			else resolve(text(channel));
		});
	});
	client.end();
	return greeting;
}

it('forwards a connection for a user with the password', async () => {
	const before = ssh.tunnels();
	expect(await greetingThroughTunnel({ password: ssh.password })).toBe('hello through the tunnel');
	expect(ssh.tunnels()).toBe(before + 1);
});

it('forwards a connection for a user with the key', async () => {
	expect(await greetingThroughTunnel({ privateKey: ssh.privateKey })).toBe('hello through the tunnel');
});

it('refuses a wrong password', async () => {
	await expect(greetingThroughTunnel({ password: 'wrong' })).rejects.toThrow(/authentication/i);
});
