/** Trending: which public repositories get stars, and from whom. */
export { trendingApi } from './api.js';
export { createTrendingSchedule, refreshTrending, type TrendingSchedule } from './refresh.js';
export { trendingRoutes } from './routes.js';
