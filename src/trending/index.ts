/** Trending: which public repositories get stars, and from whom. */
export { trendingApi } from './api.js';
export { createTrendingSchedule, rebuildTrending, refreshTrending, type TrendingSchedule } from './refresh.js';
export { trendingRoutes } from './routes.js';
