/** What a mirror did, or would do, as a mail that a person reads. */
import type { Tally } from '../../engine';
import { readableSize } from '../shared/listSearch/size';

import { type MirrorRun, removedBy } from './mirrorRun';

/** `Mirror of bucket documents at minio:9000: 3 would be added, 1 changed, 2 removed` */
export function subjectOf(run: MirrorRun): string {
	const { source, dryRun, added, changed, failed, changing, problem } = run.report;
	const failures = failed.count + changing.count;
	const parts = [
		`${added.count} ${dryRun ? 'would be ' : ''}added`,
		`${changed.count} changed`,
		`${removedBy(run).count} removed${problem === undefined ? '' : ', which would be refused'}`,
		...(failures > 0 ? [`${failures} failed`] : []),
	];
	return `Mirror of ${source}: ${parts.join(', ')}`;
}

/** Whole sentences and lists of the first names, in lines. */
export function planText(run: MirrorRun): string {
	const { source, target, dryRun, isFirst, problem, trash, warnings, ...report } = run.report;
	const removed = removedBy(run);
	const would = dryRun ? 'Would be ' : '';
	const titled = (name: string) => (dryRun ? `${would}${name.toLowerCase()}` : name);
	const waits = trash === undefined ? [] : [`What was removed waits below ${trash} in the target.`];
	return [
		`From: ${source}`,
		`To: ${target}`,
		...(isFirst ? ['Nothing was mirrored from this source to this target before.'] : []),
		...(dryRun ? ['This was a dry run: nothing was changed.'] : []),
		...(problem === undefined ? [] : ['', problem]),
		'',
		...listed(titled('Added'), report.added),
		...listed(titled('Changed'), report.changed),
		...listed(titled('Removed'), removed),
		...waits,
		...listed('Could not be copied', report.failed),
		...listed('Changed while they were read, and were not copied', report.changing),
		`Unchanged: ${report.unchanged.count + report.adopted.count}`,
		...(warnings.length > 0 ? ['', 'Warnings:', ...warnings.map((warning) => `- ${warning}`)] : []),
	].join('\n');
}

function listed(title: string, { count, bytes, names }: Tally): string[] {
	if (count === 0) return [];
	const rest = count - names.length;
	const lines = [...names, ...(rest > 0 ? [`and ${rest} more`] : [])].map((line) => `    ${line}`);
	return [`${title}: ${count} (${readableSize(bytes)})`, ...lines];
}
