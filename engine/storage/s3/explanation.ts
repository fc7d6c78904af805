import type { ErrorCode } from '../../errors';
import type { S3Failure } from './failure';
import type { S3Settings } from './options';

/** What an explanation needs to know about where the failure happened. */
export interface Place {
	settings: S3Settings;
	/** The storage's description. */
	storage: string;
	/** The object asked for, as the storage's user names it; empty for the bucket. */
	key: string;
}

/** A BackupError's code, what happened and what to do about it. */
export type Explanation = [ErrorCode, string, string];

/** What the failure is about: an object, or the bucket. */
export function subject(place: Place): string {
	return place.key ? `${place.key} in ${place.storage}` : place.storage;
}

/** The server, and whose it is: a run may talk to several. */
export function endpointOf({ settings }: Place): string {
	return `S3 endpoint ${settings.host}:${settings.port}`;
}

/** What the server said: its code, and its own words where it has some. */
export function said({ code, status, message }: S3Failure): string {
	const name = code ?? `HTTP status ${status}`;
	const words = message.replace(/\.$/, '');
	return words === name || words === '' || words === `HTTP status ${status}` ? name : `${name}: ${words}`;
}

/** How long it was tried, where it was tried more than once. */
export function patience({ attempts, outageMs }: S3Failure): string {
	return attempts > 1 ? ` (tried ${attempts} times in ${Math.round(outageMs / 1000)} s)` : '';
}
