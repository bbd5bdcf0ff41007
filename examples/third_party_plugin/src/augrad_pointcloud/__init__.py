"""augrad-pointcloud: transforms of 3-D point clouds for augrad, which finds them through plugin.py."""
