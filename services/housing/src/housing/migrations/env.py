from chassis.migrate import run_environment
from housing.tables import Base

run_environment(Base.metadata)
