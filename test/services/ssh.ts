import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { Server, utils, type AuthContext, type Connection } from 'ssh2';
import { freePort } from './process';

export interface SshServer {
	host: '127.0.0.1';
	port: number;
	username: string;
	password: string;
	/** PEM of a key that logs in too. */
	privateKey: string;
	/** How many tunnels it has opened so far. */
	tunnels(): number;
	/** Cuts all connections off, as a failing network would. */
	disconnectAll(): void;
	stop(): Promise<void>;
}

/** Starts an SSH server on a free port of 127.0.0.1: it lets one user in, by password or key, and only forwards connections. */
export async function startSsh(): Promise<SshServer> {
	const username = 'tunnel';
	const password = randomBytes(8).toString('hex');
	// PKCS #1, which ssh2 reads as well as OpenSSH's own format.
	const newKey = () =>
		generateKeyPairSync('rsa', {
			modulusLength: 2048,
			publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
			privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
		}).privateKey;
	const privateKey = newKey();
	const connections = new Set<Connection>();
	let tunnels = 0;

	const server = new Server({ hostKeys: [newKey()] }, (connection) => {
		connections.add(connection);
		connection.on('close', () => connections.delete(connection));
		// A client that goes away without a word is no failure of the server.
		connection.on('error', () => undefined);
		connection.on('authentication', (context) => {
			if (mayEnter(context, username, password, privateKey)) context.accept();
			else context.reject(['password', 'publickey']);
		});
		connection.on('ready', () => {
			// Otherwise small answers wait for each other, 40 ms a time. The types know it of clients alone.
			(connection as Connection & { setNoDelay(on: boolean): void }).setNoDelay(true);
			connection.on('tcpip', (accept, reject, { destIP, destPort }) => {
				const socket = connect(destPort, destIP);
				socket.once('error', () => reject());
				socket.once('connect', () => {
					tunnels += 1;
					const channel = accept();
					socket.on('error', () => channel.destroy());
					channel.on('error', () => socket.destroy());
					channel.on('close', () => socket.destroy());
					socket.pipe(channel).pipe(socket);
				});
			});
		});
	});
	const port = await freePort();
	await new Promise<void>((resolve, reject) => {
		server.once('error', reject);
		server.listen(port, '127.0.0.1', resolve);
	});
	const disconnectAll = () => {
		for (const connection of connections) connection.end();
	};
	return {
		host: '127.0.0.1',
		port,
		username,
		password,
		privateKey,
		tunnels: () => tunnels,
		disconnectAll,
		stop: () =>
			new Promise<void>((resolve) => {
				server.close(() => resolve());
				disconnectAll();
			}),
	};
}

function mayEnter(context: AuthContext, username: string, password: string, privateKey: string): boolean {
	if (context.username !== username) return false;
	if (context.method === 'password') return context.password === password;
	if (context.method !== 'publickey') return false;
	const known = utils.parseKey(privateKey);
	if (known instanceof Error || !context.key.data.equals(known.getPublicSSH())) return false;
	// Without a signature the client only asks whether the key would do.
	if (!context.signature || !context.blob) return true;
	return known.verify(context.blob, context.signature, context.hashAlgo) === true;
}
