export { CoverageCollector } from './collect';
export {
	coverageOf,
	END,
	historiesOf,
	lineOf,
	pathOf,
	pathTo,
	timelineAt,
	type Coverage,
	type Gap,
	type UselessBase,
	type Window,
} from './coverage';
export { noteReached, reachingTo, readReached, type Reached } from './reached';
export {
	baseFacts,
	clustersIn,
	stretchFacts,
	type BaseFacts,
	type ClusterFacts,
	type ListedFacts,
	type StretchFacts,
} from './facts';
export { findCoverage, type ClusterCoverage } from './find';
export { union, type Interval } from './intervals';
export { resumePoint } from './resume';
export { allHistories, historyText, parseHistory, stateHistory, LONGEST_HISTORY, type Ancestor } from './timelines';
