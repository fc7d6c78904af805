import type { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';

/** What `pg` has but its published types leave out: the connection under a client, with its socket. */
declare module 'pg' {
	interface Client {
		readonly connection: EventEmitter & { stream: Duplex };
		readonly processID: number;
	}
}
