import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** A message as it came, header and body, with quoted-printable undone and runs of white space as one space. */
export interface ReceivedMail {
	from: string;
	to: string[];
	content: string;
}

export interface MailReceiver {
	host: string;
	port: number;
	/** All messages so far, oldest first. */
	mails: ReceivedMail[];
	/** From now on every message is refused. */
	refuse(): void;
	stop(): Promise<void>;
}

/** An SMTP server (RFC 5321, without extensions) that takes every message and delivers none. */
export async function startMailReceiver(): Promise<MailReceiver> {
	const mails: ReceivedMail[] = [];
	const sockets = new Set<Socket>();
	let refuses = false;
	const server = createServer((socket) => {
		sockets.add(socket.once('close', () => sockets.delete(socket)));
		// Clients may hang up as they like.
		socket.on('error', () => {});
		talk(
			socket,
			(mail) => mails.push(mail),
			() => refuses,
		);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		host: '127.0.0.1',
		port: (server.address() as AddressInfo).port,
		mails,
		refuse: () => (refuses = true),
		stop: async () => {
			for (const socket of sockets) socket.destroy();
			server.close();
			await once(server, 'close');
		},
	};
}

function talk(socket: Socket, receive: (mail: ReceivedMail) => void, refuses: () => boolean): void {
	const say = (line: string) => socket.write(`${line}\r\n`);
	let mail = { from: '', to: [] as string[] };
	let lines: string[] | undefined;
	say('220 mail.test ESMTP');
	createInterface({ input: socket, crlfDelay: Infinity }).on('line', (line) => {
		if (lines) {
			if (line !== '.') return void lines.push(line.replace(/^\./, ''));
			receive({ ...mail, content: readable(lines.join('\r\n')) });
			lines = undefined;
			mail = { from: '', to: [] };
			return void say('250 OK');
		}
		const [, address = ''] = /<(.*?)>/.exec(line) ?? [];
		const command = line.slice(0, 4).toUpperCase();
		if (command === 'MAIL' && refuses()) return void say('550 not today');
		if (command === 'MAIL') mail.from = address;
		if (command === 'RCPT') mail.to.push(address);
		if (command === 'QUIT') return void socket.end('221 bye\r\n');
		if (command !== 'DATA') return void say('250 OK');
		lines = [];
		say('354 go on');
	});
}

function readable(message: string): string {
	return message
		.replace(/=\r\n/g, '')
		.replace(/=([0-9A-F]{2})/g, (_, code: string) => String.fromCharCode(parseInt(code, 16)))
		.replace(/\s+/g, ' ');
}
