import { oneLine, readableHours, type RunRecord } from '../../engine';

import { readableSize } from './listSearch/size';

const EVERY_MS = 30_000;

/**
 * Tells a log how far a transfer is: every half minute, however often it is called, with its rate since the line before.
 * @returns What to call with the name of what is transferred, the bytes that are done, and all of them where that is known.
 */
export function progressLog(log: (line: string) => void): (what: string, bytes: number, total?: number) => void {
	let reported = { at: Date.now(), bytes: 0 };
	return (what, bytes, total) => {
		const now = Date.now();
		const milliseconds = now - reported.at;
		if (milliseconds < EVERY_MS) return;
		// What is transferred may be the next of several, which begins anew.
		const moved = bytes >= reported.bytes ? bytes - reported.bytes : bytes;
		reported = { at: now, bytes };
		log(`${what}: ${progressText({ bytes, bytesPerSecond: (moved * 1000) / milliseconds, totalBytes: total })}`);
	};
}

const DOING: Record<RunRecord['action'], string> = {
	backUp: 'backing up',
	restore: 'restoring',
	verify: 'verifying',
	copy: 'copying',
};

/** `backing up postgres shop: 1.2 GB of about 3.4 GB (35 %), 20.5 MB/s, 2 min left` */
export function beatText({ action, kind, name, ...figures }: RunRecord): string {
	const subject = [kind, name].filter((part) => part !== '').join(' ');
	return oneLine(`${DOING[action]} ${subject}: ${progressText(figures)}`);
}

function progressText({
	bytes,
	bytesPerSecond,
	totalBytes,
}: {
	bytes: number;
	bytesPerSecond: number;
	totalBytes?: number | undefined;
}): string {
	const rate = `${readableSize(bytesPerSecond)}/s`;
	if (totalBytes === undefined || totalBytes < bytes) return `${readableSize(bytes)}, ${rate}`;
	const percent = totalBytes > 0 ? Math.floor((bytes / totalBytes) * 100) : 100;
	const left = bytesPerSecond > 0 ? `, ${readableHours((totalBytes - bytes) / bytesPerSecond / 3600)} left` : '';
	return `${readableSize(bytes)} of ${readableSize(totalBytes)} (${percent} %), ${rate}${left}`;
}
