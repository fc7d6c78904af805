import { readableSize } from './listSearch/size';

const EVERY_MS = 10_000;

/**
 * Tells a log how far a transfer is: every ten seconds, however often it is called.
 * @returns What to call with the name of what is transferred, the bytes that are done, and all of them where that is known.
 */
export function progressLog(log: (line: string) => void): (what: string, bytes: number, total?: number) => void {
	let reportedAt = Date.now();
	return (what, bytes, total) => {
		const now = Date.now();
		if (now - reportedAt < EVERY_MS) return;
		reportedAt = now;
		if (total === undefined) {
			log(`${what}: ${readableSize(bytes)}`);
			return;
		}
		const percent = total > 0 ? Math.floor((bytes / total) * 100) : 100;
		log(`${what}: ${readableSize(bytes)} of ${readableSize(total)} (${percent} %)`);
	};
}
