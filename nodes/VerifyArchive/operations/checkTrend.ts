import { listManifests, manifestKeyOf, seriesIn } from '../../../engine';
import { collectionOf } from '../../shared/fields';
import { folderOf, prefixOf } from '../../shared/folder';
import { isSimplified } from '../../shared/simplify';
import { openStorage } from '../../shared/storage';
import { oneOf } from '../../shared/choice';
import { checkTrendFields } from '../descriptions/checkTrend';
import { filtersOf } from '../filters';
import type { JudgingOperation } from '../../shared/outcome';
import { chosenReference, incomingReference } from '../reference';
import { missingOutcome } from '../reportItem';
import { nothingThere, referred } from '../subjects';
import { damagedOutcome, newestOfEach, seriesWith, trendOutcome } from '../trend';
import { trendSettings } from '../trendSettings';

/** Compares backups with those before them: one item for each. */
export const checkTrend: JudgingOperation = {
	description: checkTrendFields,
	async execute(context, item) {
		const which = oneOf(context.getNodeParameter('which', item), ['newest', 'one', 'incoming'], 'Which Backups');
		const options = trendSettings(context, item);
		const isSimple = isSimplified(context, item);
		const prefix = prefixOf(folderOf(collectionOf(context, 'options', item, 'Options'), ''));
		const signal = context.getExecutionCancelSignal();
		const { kinds, names } = which === 'newest' ? filtersOf(context, item) : {};
		const reference =
			which === 'newest'
				? undefined
				: which === 'one'
					? chosenReference(context, item)
					: incomingReference(context, item);
		const storage = await openStorage(context, item);
		const { backups, damaged } = await listManifests(storage, prefix, {}, signal);
		if (reference) {
			const subject = await referred(storage, reference, prefix, signal);
			if ('entry' in subject) {
				return [trendOutcome(subject.entry, seriesWith(subject.entry, backups), options, isSimple)];
			}
			const bad = 'key' in subject && damaged.find(({ manifestKey }) => manifestKey === manifestKeyOf(subject.key));
			if (bad) return [damagedOutcome(bad, isSimple)];
			return [missingOutcome('missing' in subject ? subject.missing : nothingThere(storage, prefix), isSimple)];
		}
		const newest = newestOfEach(backups).filter(
			({ manifest }) => (!kinds || kinds.includes(manifest.kind)) && (!names || names.includes(manifest.name)),
		);
		const series = seriesIn(backups);
		const trends = newest.map((one) => trendOutcome(one, seriesWith(one, backups, series), options, isSimple));
		const outcomes = [...damaged.map((one) => damagedOutcome(one, isSimple)), ...trends];
		return outcomes.length > 0 ? outcomes : [missingOutcome(nothingThere(storage, prefix), isSimple)];
	},
};
