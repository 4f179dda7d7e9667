from casework.tables import Base
from chassis.migrate import run_environment

run_environment(Base.metadata)
