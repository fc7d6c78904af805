import type { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';

/** What `pg` has but its published types leave out: the connection under a client, with its socket, and a login as a walsender. */
declare module 'pg' {
	interface ClientConfig {
		/** `true` for a physical walsender. */
		replication?: string | undefined;
	}
	interface Client {
		readonly connection: EventEmitter & { stream: Duplex };
		readonly processID: number;
	}
}
